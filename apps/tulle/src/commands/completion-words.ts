/** A command, as far as it is completed. */
export interface CommandWords {
  /** `tulle get`. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly about: string }[]
  /** Words that an argument may be. */
  readonly arguments: readonly string[]
  readonly options: readonly {
    readonly flags: readonly string[]
    readonly about: string
    readonly takesValue: boolean
    readonly choices: readonly string[]
  }[]
}

/** A script for each shell that completes the commands of a tree. */
export const commandWords: Readonly<
  Record<'bash' | 'zsh' | 'fish', (tree: readonly CommandWords[]) => string>
> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** Words of ours are safe in single quotes; texts for people may hold one. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

interface Dialect {
  /** Offers these words. */
  readonly offer: (words: readonly string[]) => string
  readonly files: string
}

/** What bash and zsh have in common: how far the words go into the tree, then what comes next. */
function steps(tree: readonly CommandWords[], { offer, files }: Dialect): string {
  const paths = tree.slice(1).map(({ path }) => quoted(path))
  const values = tree.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => {
        const after = flags.map((flag) => quoted(`${path} ${flag}`)).join('|')
        return `    ${after}) ${choices.length === 0 ? files : offer(choices)}; return ;;`
      }),
  )
  const next = tree.map(({ path, commands, arguments: args, options }) => {
    const plain = [...commands.map(({ name }) => name), ...args]
    const flags = options.flatMap((option) => option.flags)
    const otherwise = plain.length === 0 ? files : offer(plain)
    return `    ${quoted(path)}) if [[ $cur == -* ]]; then ${offer(flags)}; else ${otherwise}; fi ;;`
  })
  return `    case "$at $word" in
      ${paths.join('|')}) at="$at $word" ;;
    esac
  done
  case "$at $prev" in
${values.join('\n')}
  esac
  case "$at" in
${next.join('\n')}
  esac`
}

function bashScript(tree: readonly CommandWords[]): string {
  const body = steps(tree, {
    offer: (words) => `COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$cur"))`,
    files: 'COMPREPLY=($(compgen -f -- "$cur"))',
  })
  return `# Completes tulle in bash: source <(tulle completion bash)
_tulle() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at=tulle word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
${body}
}
complete -o filenames -F _tulle tulle`
}

function zshScript(tree: readonly CommandWords[]): string {
  const body = steps(tree, {
    offer: (words) => `compadd -- ${words.map(quoted).join(' ')}`,
    files: '_files',
  })
  return `#compdef tulle
# Completes tulle in zsh: source <(tulle completion zsh), after compinit
_tulle() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" at=tulle word i
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
${body}
}
compdef _tulle tulle`
}

function fishScript(tree: readonly CommandWords[]): string {
  const lines = tree.flatMap(({ path, commands, arguments: args, options }) => {
    const here = `complete -c tulle -n ${quoted(fishCondition(path, tree))}`
    return [
      ...commands.map(({ name, about }) => `${here} -f -a ${name} -d ${quoted(about)}`),
      ...args.map((word) => `${here} -f -a ${quoted(word)}`),
      ...options.map(({ flags, about, takesValue, choices }) => {
        const names = flags.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        )
        const value = takesValue ? (choices.length === 0 ? ' -r' : ` -x -a ${quoted(choices.join(' '))}`) : ''
        return `${here} ${names.join(' ')}${value} -d ${quoted(about)}`
      }),
    ]
  })
  return ['# Completes tulle in fish: tulle completion fish | source', ...lines].join('\n')
}

/** True where the words so far lead to that command, and not further. */
function fishCondition(path: string, tree: readonly CommandWords[]): string {
  const [, ...names] = path.split(' ')
  if (names.length === 0) return '__fish_use_subcommand'
  const below = tree.find((one) => one.path === path)?.commands.map(({ name }) => name) ?? []
  const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`)
  const not = below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`]
  return [...seen, ...not].join('; and ')
}
