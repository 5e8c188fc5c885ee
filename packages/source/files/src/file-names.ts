const manifestName = /\.(?:ya?ml|json)$/iu
/**
 * What editors leave beside a file while it is edited: `x~`, `.x.swp`, `.#x`, `#x#`, vim's trial file `4913`.
 * Hidden names are left out with them.
 */
const editorName = /^[.#]|~$|\.(?:swp|swx|swo|tmp|bak|orig|part)$|^4913$|#$/iu

/** Whether a file of a folder is read, by its name alone. */
export function isManifestName(name: string): boolean {
  return manifestName.test(name) && !isHiddenName(name)
}

/** Whether a file or folder is passed over. */
export function isHiddenName(name: string): boolean {
  return editorName.test(name)
}
