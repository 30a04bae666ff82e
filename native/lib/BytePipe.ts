/**
 * One port of a native machine as a byte pipe: the channel (COM2), or the virtio console.
 *
 * @since 0.1.0
 */
import { ByteInbox, channelLost, type Vm } from "@ktstr/core/machine"
import { NativeAnswer } from "./NativeAnswer.ts"
import type { NativeMachine, NativePort } from "./NativeBinding.ts"

/** A sender waits if the guest has more unread bytes than this. */
const mostUnread = 64 * 1024

/**
 * @since 0.1.0
 * @category models
 */
export interface BytePipeOptions {
  readonly port: NativePort
  /** Name for messages of what is closed when the machine has ended. */
  readonly name: string
  /** Returns the machine while it runs. */
  readonly machine: () => NativeMachine | undefined
  /** Takes the machine's output; called when there is room again. */
  readonly ring: () => void
}

/**
 * Fed by {@link NativeRun}, which takes the bytes of all ports at once. Bytes that the pipe does not accept stay in the
 * device, which makes the guest wait.
 *
 * @since 0.1.0
 * @category models
 */
export class BytePipe {
  private readonly inbox: ByteInbox
  private readonly read: NativeAnswer

  constructor(private readonly options: BytePipeOptions) {
    this.inbox = new ByteInbox(options.ring)
    this.read = new NativeAnswer(options.machine, () => channelLost(undefined, options.name))
  }

  get port(): NativePort {
    return this.options.port
  }

  /** The port's bit in the addon's bit sets. */
  get bit(): number {
    return 1 << this.options.port
  }

  /** Whether there is room for more. */
  get accepts(): boolean {
    return this.inbox.accepts
  }

  receive(bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.inbox.receive(bytes)
  }

  /** Called when the guest has read everything that was sent, or never will. */
  sent(): void {
    this.read.came()
  }

  /** Called when no more bytes will be received. */
  end(): void {
    this.inbox.end()
    this.read.came()
  }

  get incoming(): Vm["channel"]["incoming"] {
    return this.inbox.stream
  }

  readonly send: Vm["channel"]["send"] = (bytes) =>
    this.read.after((machine) => machine.send(this.port, bytes) > mostUnread)
}
