/**
 * The kernel console: bytes of COM1 cut into lines, kept for whoever asks later.
 *
 * @since 0.1.0
 */
import { Chunk, Effect, Option, Stream } from "effect"
import { printable } from "../protocol/index.ts"
import { Waiting } from "./Waiting.ts"

/** Beyond so many characters the older half is forgotten, so that a guest that prints for ever can't fill the host. */
const retainedCharacters = 64 * 1024 * 1024
/** A line without an end is cut here. */
const longestLine = 64 * 1024

/**
 * Cuts a byte stream into lines: ends them at LF, drops CRs before it, replaces malformed UTF-8, splits what is longer than 64 Ki
 * characters. Not shared between streams.
 *
 * @since 0.1.0
 * @category models
 */
export class LineSplitter {
  private readonly decoder = new TextDecoder("utf-8")
  private partial = ""

  /** The lines that these bytes end. */
  push(bytes: Uint8Array): ReadonlyArray<string> {
    const parts = (this.partial + this.decoder.decode(bytes, { stream: true })).split("\n")
    const lines: Array<string> = []
    const last = parts.pop() ?? ""
    for (const part of parts) addPieces(lines, part.replace(/\r+$/, ""))
    const keep = last.length % longestLine
    addFull(lines, last.slice(0, last.length - keep))
    this.partial = last.slice(last.length - keep)
    return lines
  }

  /** What is left when the stream ends, if anything. */
  end(): ReadonlyArray<string> {
    const rest = (this.partial + this.decoder.decode()).replace(/\r+$/, "")
    this.partial = ""
    return rest === "" ? [] : [rest]
  }
}

const addFull = (lines: Array<string>, text: string): void => {
  for (let at = 0; at < text.length; at += longestLine) lines.push(text.slice(at, at + longestLine))
}

const addPieces = (lines: Array<string>, text: string): void => {
  if (text.length <= longestLine) lines.push(text)
  else addFull(lines, text)
}

/**
 * A growing list of lines that any number of readers follow from its beginning. Control characters are written out (`\x1b`).
 *
 * @since 0.1.0
 * @category models
 */
export class ConsoleLog {
  private readonly splitter = new LineSplitter()
  private lines: Array<string> = []
  /** Number of the line at `lines[0]`. */
  private first = 0
  private characters = 0
  private ended = false
  private readonly waiting = new Waiting()

  /** Takes bytes of the port; gives the lines they ended. */
  push(bytes: Uint8Array): ReadonlyArray<string> {
    return this.append(this.splitter.push(bytes))
  }

  /** The port closed: an unfinished line counts as a line, readers end after it. */
  end(): ReadonlyArray<string> {
    const rest = this.append(this.splitter.end())
    this.ended = true
    this.waiting.wake()
    return rest
  }

  /** The last `n` lines. */
  tail(n: number): ReadonlyArray<string> {
    return n <= 0 ? [] : this.lines.slice(-n)
  }

  /** All lines from the first still kept, then each as it comes; ends with the port. */
  get stream(): Stream.Stream<string> {
    return Stream.unfoldChunkEffect(0, (from) => this.after(from))
  }

  private append(raw: ReadonlyArray<string>): ReadonlyArray<string> {
    if (raw.length === 0) return raw
    const lines = raw.map(printable)
    for (const line of lines) {
      this.lines.push(line)
      this.characters += line.length + 1
    }
    if (this.characters > retainedCharacters) this.forget()
    this.waiting.wake()
    return lines
  }

  private forget(): void {
    let drop = 0
    while (this.characters > retainedCharacters / 2 && drop < this.lines.length - 1) {
      this.characters -= this.lines[drop]!.length + 1
      drop++
    }
    this.lines = this.lines.slice(drop)
    this.first += drop
  }

  private after(from: number): Effect.Effect<Option.Option<readonly [Chunk.Chunk<string>, number]>> {
    return Effect.suspend(() => {
      const next = this.first + this.lines.length
      if (from < next) {
        const kept = this.lines.slice(Math.max(0, from - this.first))
        return Effect.succeed(Option.some([Chunk.unsafeFromArray(kept), next] as const))
      }
      if (this.ended) return Effect.succeed(Option.none())
      const changed = this.waiting.unless(() => this.ended || from < this.first + this.lines.length)
      return Effect.zipRight(changed, this.after(from))
    })
  }
}
