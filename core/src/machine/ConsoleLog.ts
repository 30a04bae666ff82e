/**
 * The kernel console: output of COM1, cut into lines and kept for later readers.
 *
 * @since 0.1.0
 */
import { Chunk, Effect, Option, Stream } from "effect"
import { printable } from "../protocol/index.ts"

/** Maximum number of characters kept. Beyond it the older half is dropped, so that a guest that prints forever can't fill the host's memory. */
const retainedCharacters = 64 * 1024 * 1024
/** Maximum length of a line, in characters; longer lines are split. */
const maxLineBytes = 64 * 1024

/**
 * Cuts a byte stream into lines: ends lines at LF, drops CRs before it, replaces malformed UTF-8 and splits lines longer than 64 Ki characters. Use
 * one splitter per stream.
 *
 * @since 0.1.0
 * @category models
 */
export class LineSplitter {
  private readonly decoder = new TextDecoder("utf-8")
  private partial = ""

  /** Adds bytes and returns the lines they complete. */
  push(bytes: Uint8Array): ReadonlyArray<string> {
    const parts = (this.partial + this.decoder.decode(bytes, { stream: true })).split("\n")
    const lines: Array<string> = []
    const last = parts.pop() ?? ""
    for (const part of parts) addPieces(lines, part.replace(/\r+$/, ""))
    const keep = last.length % maxLineBytes
    addFull(lines, last.slice(0, last.length - keep))
    this.partial = last.slice(last.length - keep)
    return lines
  }

  /** Ends the stream and returns the unfinished line, if there is one. */
  end(): ReadonlyArray<string> {
    const rest = (this.partial + this.decoder.decode()).replace(/\r+$/, "")
    this.partial = ""
    return rest === "" ? [] : [rest]
  }
}

const addFull = (lines: Array<string>, text: string): void => {
  for (let at = 0; at < text.length; at += maxLineBytes) lines.push(text.slice(at, at + maxLineBytes))
}

const addPieces = (lines: Array<string>, text: string): void => {
  if (text.length <= maxLineBytes) lines.push(text)
  else addFull(lines, text)
}

/**
 * A growing list of lines that any number of readers can follow from its beginning. Control characters are escaped (`\x1b`).
 *
 * @since 0.1.0
 * @category models
 */
export class ConsoleLog {
  private readonly splitter = new LineSplitter()
  private lines: Array<string> = []
  /** Line number of `lines[0]`. */
  private first = 0
  private characters = 0
  private ended = false
  /** Open once there is something new since a reader last found nothing. */
  private readonly news = Effect.unsafeMakeLatch()

  /** Adds bytes from the port and returns the lines they complete. */
  push(bytes: Uint8Array): ReadonlyArray<string> {
    return this.append(this.splitter.push(bytes))
  }

  /** Marks the port as closed. An unfinished line counts as a line; readers end after it. */
  end(): ReadonlyArray<string> {
    const rest = this.append(this.splitter.end())
    this.ended = true
    this.news.unsafeOpen()
    return rest
  }

  /** Returns the last `n` lines. */
  tail(n: number): ReadonlyArray<string> {
    return n <= 0 ? [] : this.lines.slice(-n)
  }

  /** Streams all lines that are still kept, then each new line; ends when the port closes. */
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
    this.news.unsafeOpen()
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
      this.news.unsafeClose()
      return Effect.zipRight(this.news.await, this.after(from))
    })
  }
}
