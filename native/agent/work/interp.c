#include "interp.h"

#include "blocking.h"
#include "compute.h"
#include "fileio.h"
#include "identity.h"
#include "region.h"

// Computed goto gives each primitive its own indirect jump, which the CPU predicts better.
#pragma GCC diagnostic ignored "-Wpedantic"

void interp_run(struct interp *interp) {
    static const void *const labels[OP_COUNT] = {
        [0] = &&op_end,
        [OP_SPIN] = &&op_spin,
        [OP_YIELD] = &&op_yield,
        [OP_SLEEP] = &&op_sleep,
        [OP_POST] = &&op_post,
        [OP_AWAIT] = &&op_await,
        [OP_PIPE_WRITE] = &&op_pipe_write,
        [OP_PIPE_READ] = &&op_pipe_read,
        [OP_WALK] = &&op_walk,
        [OP_MATMUL] = &&op_matmul,
        [OP_MAP] = &&op_map,
        [OP_TOUCH] = &&op_touch,
        [OP_DISCARD] = &&op_discard,
        [OP_FILE_WRITE] = &&op_file_write,
        [OP_FILE_READ] = &&op_file_read,
        [OP_FILE_SYNC] = &&op_file_sync,
        [OP_SET_NICE] = &&op_set_nice,
        [OP_SET_POLICY] = &&op_set_policy,
        [OP_SET_AFFINITY] = &&op_set_affinity,
        [OP_FORK_EXIT] = &&op_fork_exit,
        [OP_LOCK] = &&op_lock,
        [OP_UNLOCK] = &&op_unlock,
        [OP_REPEAT] = &&op_repeat,
        [OP_FOR_DURATION] = &&op_for_duration,
        [OP_CYCLE] = &&op_cycle,
        [OP_ROLES] = &&op_end, // resolved by the decoder
        [OP_EXEC] = &&op_exec,
        [OP_REPEAT_NEXT] = &&op_repeat_next,
        [OP_FOR_NEXT] = &&op_for_next,
        [OP_JUMP] = &&op_jump,
        [OP_ITERATION] = &&op_iteration,
        [OP_SPIN_ROUNDS] = &&op_spin_rounds,
        [OP_END] = &&op_end,
    };
    const struct program *program = interp->program;
    const struct instruction *code = program->code, *teardown = code + program->teardown, *at = code;
    struct probe *probe = &interp->probe;

#define DISPATCH() goto *labels[at->op]
#define NEXT()                                                                                                         \
    do {                                                                                                               \
        at++;                                                                                                          \
        DISPATCH();                                                                                                    \
    } while (0)
// For use after anything that may have passed a checkpoint. The teardown continues despite a stop request.
#define NEXT_UNLESS_STOPPED()                                                                                          \
    do {                                                                                                               \
        at++;                                                                                                          \
        if (__builtin_expect(stop_requested(probe), 0) && at < teardown)                                               \
            at = teardown;                                                                                             \
        DISPATCH();                                                                                                    \
    } while (0)

    DISPATCH();

op_spin:
    compute_spin(probe, at->x);
    NEXT_UNLESS_STOPPED();
op_yield : {
    uint64_t start = call_start(probe);
    sched_yield();
    call_end(probe, start, start);
    note_latency(probe, probe->now - start);
}
    NEXT_UNLESS_STOPPED();
op_sleep:
    blocking_sleep(interp, at->x);
    NEXT_UNLESS_STOPPED();
op_post:
    blocking_post(interp, at->a, at->b);
    NEXT_UNLESS_STOPPED();
op_await:
    blocking_await(interp, at->a);
    NEXT_UNLESS_STOPPED();
op_pipe_write:
    blocking_pipe_write(interp, at->a, at->b);
    NEXT_UNLESS_STOPPED();
op_pipe_read:
    blocking_pipe_read(interp, at->a, at->b);
    NEXT_UNLESS_STOPPED();
op_walk:
    compute_walk(probe, interp->walk, at->x, at->a, at->b);
    NEXT_UNLESS_STOPPED();
op_matmul:
    compute_matmul(probe, interp->matrix, at->a, at->b);
    NEXT_UNLESS_STOPPED();
op_map:
    region_map(interp, at->a, at->x, at->flags & 1);
    NEXT_UNLESS_STOPPED();
op_touch:
    region_touch(interp, at->a, at->b, at->flags);
    NEXT_UNLESS_STOPPED();
op_discard:
    region_discard(interp, at->a);
    NEXT_UNLESS_STOPPED();
op_file_write:
    fileio_write(interp, at->x, at->a);
    NEXT_UNLESS_STOPPED();
op_file_read:
    fileio_read(interp, at);
    NEXT_UNLESS_STOPPED();
op_file_sync:
    fileio_sync(interp);
    NEXT_UNLESS_STOPPED();
op_set_nice:
    identity_nice(interp, (int)at->a);
    NEXT_UNLESS_STOPPED();
op_set_policy:
    identity_policy(interp, at->a, at->b);
    NEXT_UNLESS_STOPPED();
op_set_affinity:
    identity_affinity(interp, at->a, &program->sets[at->x]);
    NEXT_UNLESS_STOPPED();
op_fork_exit:
    blocking_fork_exit(interp);
    NEXT_UNLESS_STOPPED();
op_lock:
    blocking_lock(interp, at->a);
    NEXT_UNLESS_STOPPED();
op_unlock:
    blocking_unlock(interp, at->a);
    NEXT();
op_exec:
    identity_exec(interp, &program->execs[at->x]);
    NEXT_UNLESS_STOPPED();
op_repeat:
    interp->loops[at->loop] = at->x;
    NEXT();
op_repeat_next:
    if (--interp->loops[at->loop] > 0) {
        bool leave = stop_requested(probe) && at < teardown;
        at = leave ? teardown : code + at->target;
        DISPATCH();
    }
    NEXT();
op_for_duration:
    interp->loops[at->loop] = call_start(probe) + at->x;
    interp->loops[at->loop + 1] = 0;
    NEXT();
op_for_next:
    // The clock reading of a checkpoint just passed is reused. A body without any work has no checkpoint, so it gets
    // one here.
    if (probe->budget != CHECKPOINT_UNITS)
        read_clock(probe);
    else if (probe->now == interp->loops[at->loop + 1])
        checkpoint(probe);
    if (probe->now < interp->loops[at->loop]) {
        bool leave = stop_requested(probe) && at < teardown;
        interp->loops[at->loop + 1] = probe->now;
        at = leave ? teardown : code + at->target;
        DISPATCH();
    }
    NEXT();
op_cycle : {
    uint64_t turn = interp->loops[at->loop]++;
    at = code + program->branches[at->x + turn % at->b];
    DISPATCH();
}
op_jump:
    at = code + at->target;
    DISPATCH();
op_iteration:
    __atomic_store_n(&probe->page->iterations, ++probe->iterations, __ATOMIC_RELAXED);
    if (__builtin_expect(stop_requested(probe), 0))
        NEXT();
    at = code + at->target;
    DISPATCH();
op_spin_rounds:
    compute_spin_rounds(probe, (uint32_t)at->x);
    at = teardown;
    DISPATCH();
op_end:
    blocking_release_all(interp);
    checkpoint(probe);
}
