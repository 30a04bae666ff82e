/**
 * The lines of a kernel's log by which it announces its end.
 *
 * @since 0.1.0
 */

/** kernel/panic.c, `vpanic`: the line that every panic begins with; its last line repeats the words after `end`. */
const panicLine = /(?<!---\[ end )Kernel panic - not syncing: (.*)$/
/** kernel/reboot.c, `kernel_restart`; drivers/tty/sysrq.c, `sysrq_reboot_op`. */
const restartLine = /reboot: Restarting system|sysrq: Resetting/

/**
 * The panic message of a console line, if it is the line that announces one.
 *
 * @since 0.1.0
 * @category parsing
 */
export const panicMessage = (line: string): string | undefined => panicLine.exec(line)?.[1]

/**
 * Whether a console line announces an orderly restart.
 *
 * @since 0.1.0
 * @category parsing
 */
export const isRestartLine = (line: string): boolean => restartLine.test(line)
