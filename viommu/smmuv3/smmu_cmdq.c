/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumption of the command queue (4.1.2 - 4.1.4, 7.1) and the batch of commands for the host.
 *
 * The work of one run is bounded: PROD is read once, and indexes have at most SMMU_CMDQS + 1 bits. A PROD that is
 * further ahead than the queue is long (which only a wrong driver writes) makes slots be executed twice, as their index
 * says.
 */
#include "log.h"
#include "smmu_priv.h"
#include "stats.h"

int smmu_batch_flush(struct smmu *smmu)
{
	struct smmu_batch *batch = &smmu->batch;
	uint32_t n = batch->n, done = 0;
	int err;

	if (n == 0)
		return 0;
	batch->n = 0;
	err = smmu->config.ops->invalidate(smmu->config.backend, batch->cmds, n, &done);
	if (!err) {
		stats_add(&stats.smmu_commands_forwarded, n);
		return 0;
	}
	log_guest("SMMU %s: the host refused command %u of %u (%s): command queue stops with CERROR_ABT", smmu->dev.id,
		  done, n, done < n ? smmu_cmd_name((uint8_t)field_get(CMD0_OP, batch->cmds[done].dw[0])) : "?");
	/* The kernel may have dropped commands that it counted, so all are to be repeated; invalidations may be. */
	smmu->cmdq_cons = batch->cons;
	return err;
}

int smmu_batch_add(struct smmu *smmu, const struct smmu_cmd *cmd)
{
	struct smmu_batch *batch = &smmu->batch;

	if (batch->n == SMMU_BATCH_MAX) {
		int err = smmu_batch_flush(smmu);

		if (err)
			return err;
	}
	if (batch->n == 0)
		batch->cons = smmu->cmdq_cons;
	batch->cmds[batch->n++] = *cmd;
	return 0;
}

int smmu_settle(struct smmu *smmu)
{
	smmu_soft_settle(smmu);

	int err = smmu_batch_flush(smmu);
	int err_ste = smmu_endpoints_settle(smmu);

	return err ? err : err_ste;
}

static enum smmu_cerror consume_one(struct smmu *smmu, const struct smmu_queue *q)
{
	uint64_t addr = smmu_queue_addr(q, smmu->cmdq_cons, CMD_SIZE);
	struct smmu_cmd cmd;

	if (gmem_read(smmu->gmem, gpa(addr), &cmd, sizeof(cmd))) {
		log_guest("SMMU %s: command at 0x%llx is not in RAM: command queue stops with CERROR_ABT", smmu->dev.id,
			  (unsigned long long)addr);
		return CERROR_ABT;
	}
	stats_inc(&stats.smmu_commands);
	return smmu_cmd_execute(smmu, &cmd);
}

void smmu_cmdq_run(struct smmu *smmu)
{
	struct smmu_queue q = smmu_queue_of(smmu->regs[R_CMDQ_BASE], SMMU_CMDQS, CMD_SIZE);
	uint32_t prod = smmu_reg32(smmu, R_CMDQ_PROD) & smmu_queue_mask(&q);
	enum smmu_cerror err = CERROR_NONE;

	if (!(smmu_reg32(smmu, R_CR0) & CR0_CMDQEN) || smmu_gerror_active(smmu, GERROR_CMDQ))
		return;
	smmu->cmdq_cons = smmu_reg32(smmu, R_CMDQ_CONS) & smmu_queue_mask(&q);
	while (smmu->cmdq_cons != prod) {
		err = consume_one(smmu, &q);
		if (err)
			break;
		smmu->cmdq_cons = smmu_queue_next(&q, smmu->cmdq_cons);
	}
	/* A CMD_SYNC that waits is not an error: the queue goes on from it. */
	if (err == CERROR_WAIT)
		err = CERROR_NONE;
	/* Commands complete without a CMD_SYNC too (4.1.4), and those before a bad one are consumed. */
	if (smmu_settle(smmu))
		err = CERROR_ABT;
	smmu->regs[R_CMDQ_CONS] = smmu->cmdq_cons | field_prep32(CMDQ_CONS_ERR, err);
	if (err) {
		stats_inc(&stats.smmu_command_errors);
		smmu_gerror_raise(smmu, GERROR_CMDQ);
	}
}
