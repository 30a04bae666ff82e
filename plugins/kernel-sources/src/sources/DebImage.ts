/**
 * Extracts the kernel image from a Debian package without installing the package.
 *
 * @since 0.1.0
 */
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Command, CommandExecutor } from "@effect/platform"
import { oneLine } from "@ktstr/core/base"
import { KernelError } from "@ktstr/core/kernel"
import { Effect, Fiber, Stream } from "effect"
import { extract } from "tar-stream"

/** Debian before 7.0 and Ubuntu keep it in /boot, later Debian beside the modules. */
const isImage = (name: string): boolean =>
  /^(\.\/)?(boot\/vmlinuz-[^/]+|(usr\/)?lib\/modules\/[^/]+\/vmlinuz)$/.test(name)

/** In /boot, since Debian 7.x in the headers. */
const isConfig = (name: string): boolean =>
  /^(\.\/)?(boot\/config-[^/]+|(usr\/)?lib\/modules\/[^/]+\/config|usr\/src\/linux-headers-[^/]+\/\.config)$/.test(name)

/** Maximum size of an image; real images have 15 MB or less. Nothing else of a package is held in memory, and nothing is written. */
const maxImage = 256 * 2 ** 20

const readTar = async (
  tar: AsyncIterable<Uint8Array>,
  isWanted: (name: string) => boolean
): Promise<Uint8Array | undefined> => {
  const archive = extract()
  let image: Uint8Array | undefined
  archive.on("entry", (header, stream, next) => {
    const wanted = image === undefined && header.type === "file" && isWanted(header.name)
    stream.on("error", next)
    if (wanted && (header.size ?? 0) > maxImage) {
      archive.destroy(new Error(`${header.name} has ${header.size} bytes, more than any kernel image`))
      return
    }
    const chunks: Array<Uint8Array> = []
    stream.on("data", (chunk) => {
      if (wanted && chunk instanceof Uint8Array) chunks.push(chunk)
    })
    stream.on("end", () => {
      if (wanted) image = new Uint8Array(Buffer.concat(chunks))
      next()
    })
  })
  await pipeline(Readable.from(tar), archive)
  return image
}

const failure = (deb: string, why: string, cause?: unknown) =>
  new KernelError({ reason: "Fetch", message: `${deb} cannot be unpacked: ${why}`, cause })

/** Returns the first wanted file of the package. */
const readDeb: (
  deb: string,
  isWanted: (name: string) => boolean
) => Effect.Effect<Uint8Array | undefined, KernelError, CommandExecutor.CommandExecutor> = Effect.fn(
  "DebImage.readDeb"
)(function* (deb: string, isWanted: (name: string) => boolean) {
  const executor = yield* CommandExecutor.CommandExecutor
  const failed = (why: string, cause?: unknown) => failure(deb, why, cause)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const dpkg = yield* executor
        .start(Command.make("dpkg-deb", "--fsys-tarfile", deb))
        .pipe(Effect.mapError((cause) => failed(`dpkg-deb does not start (${cause.message})`, cause)))
      const stderr = yield* Effect.fork(Stream.runFold(Stream.decodeText(dpkg.stderr), "", (all, part) => all + part))
      const image = yield* Effect.tryPromise({
        try: () => readTar(Stream.toAsyncIterable(dpkg.stdout), isWanted),
        catch: (cause) => failed(cause instanceof Error ? cause.message : String(cause), cause)
      })
      const code = yield* Effect.mapError(dpkg.exitCode, (cause) => failed(cause.message, cause))
      if (code !== 0) {
        const complaint = yield* Effect.orElseSucceed(Fiber.join(stderr), () => "")
        return yield* failed(oneLine(complaint) || `dpkg-deb ended with ${code}`)
      }
      return image
    })
  )
})

/**
 * Reads the image out of a `.deb`. Fails with `Fetch` when the package is damaged or holds no image.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readDebImage: (deb: string) => Effect.Effect<Uint8Array, KernelError, CommandExecutor.CommandExecutor> = (
  deb
) =>
  Effect.flatMap(readDeb(deb, isImage), (image) =>
    image === undefined ? failure(deb, "it holds no kernel image") : Effect.succeed(image)
  )

/**
 * Reads a kernel's configuration out of a `.deb`; undefined when it holds none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readDebConfig: (
  deb: string
) => Effect.Effect<Uint8Array | undefined, KernelError, CommandExecutor.CommandExecutor> = (deb) =>
  readDeb(deb, isConfig)
