/**
 * Files over HTTP: streamed to disk, resumed where a connection was cut, also by another process.
 *
 * @since 0.1.0
 */
import { FileSystem, Headers, HttpClient, HttpClientRequest } from "@effect/platform"
import { Data, Effect, Option, Schedule, Stream } from "effect"

/**
 * `message` has no address in it.
 *
 * @since 0.1.0
 * @category errors
 */
export class DownloadError extends Data.TaggedError("DownloadError")<{
  readonly reason:
    | "Transport" // no name, no connection, cut: tried again
    | "Status" // anything but success
    | "Html" // an error page that came with status 200
    | "File" // the disk
  readonly message: string
  /** HTTP status; undefined but for `Status`. */
  readonly status?: number | undefined
  readonly cause?: unknown
}> {}

/** Tries after the first one; each goes on where the last one was cut. */
const retries = 4

const agent = { "user-agent": "ktstr/0.1.0" } as const

/** The innermost cause with words: undici wraps what the socket said, and Effect wraps undici. */
const why = (error: unknown): string => {
  let said = "no connection"
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const code = "code" in at && typeof at.code === "string" ? at.code : ""
    const text = at.message || code
    if (text !== "") said = text
  }
  return said.split("\n", 1)[0] ?? said
}

const transport = (cause: unknown) => new DownloadError({ reason: "Transport", message: why(cause), cause })

const fileFailure = (cause: { readonly message: string }) =>
  new DownloadError({ reason: "File", message: cause.message, cause })

const execute = (url: string, headers: Readonly<Record<string, string>>) =>
  Effect.flatMap(HttpClient.HttpClient, (client) =>
    HttpClient.followRedirects(client, 5)
      .execute(HttpClientRequest.get(url).pipe(HttpClientRequest.setHeaders({ ...agent, ...headers })))
      .pipe(Effect.mapError(transport))
  )

/** What a server can't do now it may do later; the others are about what was asked for. */
const refused = (status: number) =>
  new DownloadError({
    reason: "Status",
    message: `HTTP ${status}${status >= 500 || status === 429 ? "; the server is busy or broken: try again later" : ""}`,
    status
  })

const again = {
  while: (error: DownloadError) => error.reason === "Transport",
  schedule: Schedule.intersect(Schedule.exponential("200 millis"), Schedule.recurs(retries))
}

/**
 * The text at an address. Fails with `Status` for anything but 200.
 *
 * @since 0.1.0
 * @category constructors
 */
export const downloadText: (url: string) => Effect.Effect<string, DownloadError, HttpClient.HttpClient> = Effect.fn(
  "Download.text"
)(function* (url: string) {
  return yield* Effect.gen(function* () {
    const response = yield* execute(url, {})
    if (response.status !== 200) return yield* refused(response.status)
    return yield* Effect.mapError(response.text, transport)
  }).pipe(Effect.scoped, Effect.retry(again))
})

/**
 * Brings what is at an address into `file`. What came before a failure stays in `file` and is not asked for again, as long as the server
 * says that it is still the same (`If-Range` with its validator, RFC 9110 13.1.5, which is kept in `file.etag`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const downloadFile: (
  url: string,
  file: string,
  onBytes: (done: number, total: number | undefined) => Effect.Effect<void>
) => Effect.Effect<void, DownloadError, HttpClient.HttpClient | FileSystem.FileSystem> = Effect.fn("Download.file")(
  function* (url: string, file: string, onBytes: (done: number, total: number | undefined) => Effect.Effect<void>) {
    const fs = yield* FileSystem.FileSystem
    const validatorFile = `${file}.etag`
    const attempt = Effect.gen(function* () {
      const validator = yield* Effect.orElseSucceed(fs.readFileString(validatorFile), () => "")
      const present = yield* Effect.orElseSucceed(
        Effect.map(fs.stat(file), ({ size }) => Number(size)),
        () => 0
      )
      const resume = present > 0 && validator !== ""
      const response = yield* execute(url, resume ? { range: `bytes=${present}-`, "if-range": validator } : {})
      const header = (name: string) => Option.getOrElse(Headers.get(response.headers, name), () => "")
      // All of it is there already: 14.4 gives the size as `bytes */SIZE`.
      if (response.status === 416 && header("content-range") === `bytes */${present}`) return
      if (response.status === 416) {
        yield* Effect.mapError(fs.remove(file, { force: true }), fileFailure)
        return yield* new DownloadError({ reason: "Transport", message: "the file changed on the server" })
      }
      const goesOn = response.status === 206 && header("content-range").startsWith(`bytes ${present}-`)
      if (!goesOn && response.status !== 200) return yield* refused(response.status)
      if (header("content-type").startsWith("text/html")) {
        return yield* new DownloadError({
          reason: "Html",
          message: "server returned HTML instead of tarball (URL may be invalid)"
        })
      }
      const from = goesOn ? present : 0
      const length = header("content-length")
      const total = length === "" ? undefined : from + Number(length)
      const etag = header("etag")
      // A weak validator can't be used with If-Range.
      if (!goesOn) {
        yield* Effect.mapError(fs.writeFileString(validatorFile, etag.startsWith("W/") ? "" : etag), fileFailure)
      }
      let done = from
      yield* onBytes(done, total)
      yield* response.stream.pipe(
        Stream.mapError(transport),
        Stream.tap((chunk) => {
          done += chunk.length
          return onBytes(done, total)
        }),
        Stream.run(
          // The sink's own failures are those of the disk.
          fs.sink(file, { flag: goesOn ? "a" : "w" })
        ),
        Effect.mapError((cause) => (cause._tag === "DownloadError" ? cause : fileFailure(cause)))
      )
      if (total !== undefined && done !== total) {
        return yield* new DownloadError({
          reason: "Transport",
          message: `the connection ended after ${done} of ${total} bytes`
        })
      }
    })
    yield* attempt.pipe(Effect.scoped, Effect.retry(again))
    yield* Effect.ignore(fs.remove(validatorFile, { force: true }))
  }
)
