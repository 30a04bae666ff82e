/**
 * Lines of a kernel's log that announce a panic or restart.
 *
 * @since 0.1.0
 */

/** kernel/panic.c, `vpanic`: the first line of every panic; its last line repeats the words after `end`. */
const panicLine = /(?<!---\[ end )Kernel panic - not syncing: (.*)$/
/** kernel/reboot.c, `kernel_restart`; drivers/tty/sysrq.c, `sysrq_reboot_op`. */
const restartLine = /reboot: Restarting system|sysrq: Resetting/

/**
 * Returns the panic message in a console line, if the line announces a panic.
 *
 * @since 0.1.0
 * @category parsing
 */
export const panicMessage = (line: string): string | undefined => panicLine.exec(line)?.[1]

/**
 * Returns whether a console line announces an orderly restart.
 *
 * @since 0.1.0
 * @category parsing
 */
export const isRestartLine = (line: string): boolean => restartLine.test(line)
