/**
 * Files over HTTP: streamed to disk, resumed where a connection was cut, also by another process.
 *
 * @since 0.1.0
 */
import { FileSystem, Headers, HttpClient, HttpClientRequest, type HttpClientResponse } from "@effect/platform"
import { Config, Data, Effect, Option, Stream } from "effect"
import { isPassing, transportWords } from "./TransportWords.ts"

/**
 * `message` contains no address.
 *
 * @since 0.1.0
 * @category errors
 */
export class DownloadError extends Data.TaggedError("DownloadError")<{
  readonly reason:
    | "Transport" // no name, no connection, a timeout, a lost connection: retried if that can help
    | "Status" // anything but success
    | "Html" // an error page that came with status 200
    | "File" // the disk
  readonly message: string
  /** HTTP status; undefined but for `Status`. */
  readonly status?: number | undefined
  /** Milliseconds until a retry may succeed; undefined: a retry would fail the same way. */
  readonly againInMs?: number | undefined
  readonly cause?: unknown
}> {}

/** Number of retries; each resumes where the last try stopped. */
const retries = 4

/** The wait before the first retry, doubled with each. If a server asks for a longer wait than the limit, there is no retry. */
const waitMs = { first: 200, limit: 10_000 } as const

const redirects = 5

/** Maximum size of a text: more than any list of checksums has. */
const maxTextBytes = 16 * 2 ** 20

const agent = { "user-agent": "ktstr/0.1.0" } as const

/** Maximum silence of a server, in seconds. */
const patience = Effect.map(
  Effect.orElseSucceed(Config.integer("KTSTR_DOWNLOAD_TIMEOUT"), () => 30),
  (seconds) => Math.max(1, seconds)
)

const transport = (cause: unknown) =>
  new DownloadError({
    reason: "Transport",
    message: transportWords(cause),
    againInMs: isPassing(cause) ? 0 : undefined,
    cause
  })

const cut = (message: string) => new DownloadError({ reason: "Transport", message, againInMs: 0 })

const silent = (seconds: number) => () => cut(`the server was silent for ${seconds} s (KTSTR_DOWNLOAD_TIMEOUT)`)

const fileFailure = (cause: { readonly message: string }) =>
  new DownloadError({ reason: "File", message: cause.message, cause })

/** Statuses of a temporary failure; all others are about the request. */
const isBusy = (status: number): boolean => [408, 425, 429, 500, 502, 503, 504].includes(status)

/** Seconds or a date: RFC 9110, 10.2.3. */
const retryAfterMs = (text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now())
}

const refused = (status: number, retryAfter: string) => {
  if (!isBusy(status)) return new DownloadError({ reason: "Status", message: `HTTP ${status}`, status })
  const againInMs = retryAfterMs(retryAfter)
  const when = againInMs > waitMs.limit ? `in ${Math.ceil(againInMs / 1000)} s` : "later"
  const message = `HTTP ${status}; the server is busy or broken: try again ${when}`
  return new DownloadError({ reason: "Status", message, status, againInMs })
}

const headerOf = (response: HttpClientResponse.HttpClientResponse, name: string): string =>
  Option.getOrElse(Headers.get(response.headers, name), () => "")

/** Returns the response to a request after redirects. Fails if the server redirects in circles or is silent. */
const execute = Effect.fn("Download.execute")(function* (url: string, headers: Readonly<Record<string, string>>) {
  const client = yield* HttpClient.HttpClient
  const seconds = yield* patience
  const response = yield* HttpClient.followRedirects(client, redirects)
    .execute(HttpClientRequest.get(url).pipe(HttpClientRequest.setHeaders({ ...agent, ...headers })))
    .pipe(
      Effect.mapError(transport),
      Effect.timeoutFail({ duration: `${seconds} seconds`, onTimeout: silent(seconds) })
    )
  if (response.status >= 300 && response.status <= 399 && headerOf(response, "location") !== "") {
    const message = `HTTP ${response.status}; the server redirected ${redirects} times and would again: its redirects go in a circle`
    return yield* new DownloadError({ reason: "Status", message, status: response.status })
  }
  return { response, seconds }
})

/** Retries with growing pauses if that can help. */
const persistently = <A, R>(
  attempt: Effect.Effect<A, DownloadError, R>,
  maxRetries = retries,
  nth = 0
): Effect.Effect<A, DownloadError, R> =>
  Effect.catchAll(attempt, (error) => {
    const { againInMs } = error
    if (againInMs === undefined || againInMs > waitMs.limit || nth >= maxRetries) return Effect.fail(error)
    return Effect.zipRight(
      Effect.sleep(Math.max(againInMs, waitMs.first * 2 ** nth)),
      persistently(attempt, maxRetries, nth + 1)
    )
  })

/**
 * Returns the text at an address, with up to `tries` tries. Fails with `Status` for anything but 200.
 *
 * @since 0.1.0
 * @category constructors
 */
export const downloadText: (
  url: string,
  tries?: number
) => Effect.Effect<string, DownloadError, HttpClient.HttpClient> = Effect.fn("Download.text")(function* (
  url: string,
  tries = retries + 1
) {
  const attempt = Effect.gen(function* () {
    const { response, seconds } = yield* execute(url, {})
    if (response.status !== 200) return yield* refused(response.status, headerOf(response, "retry-after"))
    let size = 0
    const chunks = yield* response.stream.pipe(
      Stream.mapError(transport),
      Stream.timeoutFail(silent(seconds), `${seconds} seconds`),
      Stream.tap((chunk) => {
        size += chunk.length
        return size > maxTextBytes
          ? new DownloadError({ reason: "Status", message: `the answer has more than ${maxTextBytes} bytes` })
          : Effect.void
      }),
      Stream.runCollect
    )
    return Buffer.concat([...chunks]).toString("utf8")
  })
  return yield* persistently(Effect.scoped(attempt), tries - 1)
})

/**
 * Downloads an address into `file`. The part that came before a failure stays in `file` and is not requested again, as long as the server
 * says that it is unchanged (`If-Range` with its validator, RFC 9110 13.1.5, which is kept in `file.etag`).
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
      const { response, seconds } = yield* execute(
        url,
        resume ? { range: `bytes=${present}-`, "if-range": validator } : {}
      )
      const header = (name: string) => headerOf(response, name)
      // All of it is there already: 14.4 gives the size as `bytes */SIZE`.
      if (response.status === 416 && header("content-range") === `bytes */${present}`) return
      if (response.status === 416) {
        yield* Effect.mapError(fs.remove(file, { force: true }), fileFailure)
        return yield* cut("the file changed on the server")
      }
      const goesOn = response.status === 206 && header("content-range").startsWith(`bytes ${present}-`)
      if (!goesOn && response.status !== 200) return yield* refused(response.status, header("retry-after"))
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
        Stream.timeoutFail(silent(seconds), `${seconds} seconds`),
        Stream.tap((chunk) => {
          done += chunk.length
          return onBytes(done, total)
        }),
        Stream.run(
          // Failures of the sink are those of the disk.
          fs.sink(file, { flag: goesOn ? "a" : "w" })
        ),
        Effect.mapError((cause) => (cause._tag === "DownloadError" ? cause : fileFailure(cause)))
      )
      if (done === 0) return yield* cut("the answer is empty")
      if (total !== undefined && done !== total) {
        return yield* cut(`the connection ended after ${done} of ${total} bytes`)
      }
    })
    yield* persistently(Effect.scoped(attempt))
    yield* Effect.ignore(fs.remove(validatorFile, { force: true }))
  }
)
