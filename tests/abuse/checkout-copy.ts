/** A copy of the checkout to break things in. */
import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

/** A folder with the checkout's files as they are now. It goes when disposed of, and when this process ends in whatever way. */
export class CheckoutCopy implements Disposable {
  readonly folder: string
  readonly #undertaker: ReturnType<typeof spawn>

  constructor(root: string) {
    this.folder = mkdtempSync(join(realpathSync(tmpdir()), 'tulle-guards-'))
    // Its input ends with us, also when we are killed; it shares no signal with us.
    const script = 'read -r _; rm -rf -- "$1"'
    this.#undertaker = spawn('sh', ['-c', script, 'sh', this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#undertaker.unref()
    copyFiles(root, this.folder)
    linkPackages(root, this.folder)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
    this.#undertaker.stdin?.end()
  }
}

function copyFiles(root: string, folder: string): void {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  // What is listed twice is in conflict; what is not there has been deleted and not committed yet.
  for (const path of new Set(listed.split('\0'))) {
    if (path === '' || !existsSync(join(root, path))) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    cpSync(join(root, path), join(folder, path), { verbatimSymlinks: true })
  }
}

/** Foreign packages are the checkout's, our own are the copy's: a link to the whole folder would lead back to the guards. */
function linkPackages(root: string, folder: string): void {
  const own = join(root, 'node_modules/@tulle')
  mkdirSync(join(folder, 'node_modules/@tulle'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@tulle') symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  for (const name of readdirSync(own)) {
    const place = relative(realpathSync(root), realpathSync(join(own, name)))
    symlinkSync(join(folder, place), join(folder, 'node_modules/@tulle', name))
  }
  for (const nested of globSync(['{packages,apps,tools}/*/node_modules', 'packages/*/*/node_modules'], {
    cwd: root,
  })) {
    symlinkSync(join(root, nested), join(folder, nested))
  }
}
