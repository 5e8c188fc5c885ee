/**
 * Commands are the methods of an interface that a thread is asked for: of one argument that can be cloned to another thread, and
 * answered by a promise, or in slices. A sliced one is given a signal as well, which aborts when nobody wants more of it.
 */
export interface ThreadCommands {
  /** Everything ends now. */
  close(): Promise<void>
}

/** Commands that have one answer. */
export type CallName<Commands> = {
  [Name in keyof Commands]: Commands[Name] extends (...args: never[]) => Promise<unknown> ? Name : never
}[keyof Commands] &
  string

/** Commands whose answer comes in slices. */
export type SlicedName<Commands> = {
  [Name in keyof Commands]: Commands[Name] extends (...args: never[]) => AsyncGenerator<unknown, void>
    ? Name
    : never
}[keyof Commands] &
  string

export type ArgumentOf<Command> = Command extends (...args: infer Arguments) => unknown ? Arguments[0] : never

export type AnswerOf<Command> = Command extends (...args: never[]) => Promise<infer Answer> ? Answer : never

export type SliceOf<Command> = Command extends (...args: never[]) => AsyncGenerator<infer Slice, void>
  ? Slice
  : never
