import { isCollection, isPair } from 'yaml'

/** All nodes of a tree in the order of the text. Not recursive: somebody else's file may be nested very deep. */
export function* yamlNodes(root: unknown): Generator<unknown> {
  const waiting: unknown[] = [root]
  while (waiting.length > 0) {
    const node = waiting.pop()
    if (isPair(node)) {
      waiting.push(node.value, node.key)
      continue
    }
    yield node
    if (!isCollection(node)) continue
    for (let i = node.items.length - 1; i >= 0; i--) waiting.push(node.items[i])
  }
}
