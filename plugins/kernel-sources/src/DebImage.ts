/**
 * The kernel image inside a Debian package, taken out without installing the package.
 *
 * @since 0.1.0
 */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Command, CommandExecutor } from "@effect/platform"
import { KernelError } from "@ktstr/core"
import { Effect, Fiber, Stream } from "effect"
import { extract } from "tar-stream"

/** Debian before 7.0 and Ubuntu keep it in /boot, later Debian beside the modules. */
const isImage = (name: string): boolean =>
  /^(\.\/)?(boot\/vmlinuz-[^/]+|(usr\/)?lib\/modules\/[^/]+\/vmlinuz)$/.test(name)

const readTar = async (tar: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> => {
  const archive = extract()
  let image: Uint8Array | undefined
  archive.on("entry", (header, stream, next) => {
    const wanted = image === undefined && header.type === "file" && isImage(header.name)
    const chunks: Array<Uint8Array> = []
    stream.on("data", (chunk) => {
      if (wanted && chunk instanceof Uint8Array) chunks.push(chunk)
    })
    stream.on("end", () => {
      if (wanted) image = new Uint8Array(Buffer.concat(chunks))
      next()
    })
    stream.on("error", next)
  })
  await pipeline(Readable.from(tar), archive)
  return image
}

/**
 * Reads the image out of a `.deb`. Fails with `Fetch` when the package is damaged or holds no image.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readDebImage: (deb: string) => Effect.Effect<Uint8Array, KernelError, CommandExecutor.CommandExecutor> =
  Effect.fn("DebImage.read")(function* (deb: string) {
    const executor = yield* CommandExecutor.CommandExecutor
    const failed = (why: string, cause?: unknown) =>
      new KernelError({ reason: "Fetch", message: `${deb} cannot be unpacked: ${why}`, cause })
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const dpkg = yield* executor
          .start(Command.make("dpkg-deb", "--fsys-tarfile", deb))
          .pipe(Effect.mapError((cause) => failed(`dpkg-deb does not start (${cause.message})`, cause)))
        const stderr = yield* Effect.fork(Stream.runFold(Stream.decodeText(dpkg.stderr), "", (all, part) => all + part))
        const image = yield* Effect.tryPromise({
          try: () => readTar(Stream.toAsyncIterable(dpkg.stdout)),
          catch: (cause) => failed(String(cause), cause)
        })
        const code = yield* Effect.mapError(dpkg.exitCode, (cause) => failed(cause.message, cause))
        if (code !== 0) {
          const said = yield* Effect.orElseSucceed(Fiber.join(stderr), () => "")
          return yield* failed(said.trim().split("\n")[0] || `dpkg-deb ended with ${code}`)
        }
        return image ?? (yield* failed("it holds no kernel image"))
      })
    )
  })
