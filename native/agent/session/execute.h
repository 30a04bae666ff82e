// Executes single commands that neither wait nor nest.
#ifndef KTSTR_EXECUTE_H
#define KTSTR_EXECUTE_H

#include "agent.h"
#include "wire/command.h"

bool execute(struct agent *agent, const struct command *command, struct failure *failure);
// Stores the name of the command and its subject in failure->where.
void execute_name(const struct command *command, struct failure *failure);

#endif
