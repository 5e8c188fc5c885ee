/** Lines that fit into the report's width. */
export function wrap(text: string): readonly string[] {
  return text.match(/.{1,72}(\s|$)/gu)?.map((line) => line.trimEnd()) ?? [text]
}
