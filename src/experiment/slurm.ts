/** A Slurm array job that runs a sweep in shards: one task per shard, nothing shared but the file system. */

export interface SlurmJob {
  readonly scenario: string;
  readonly sets: readonly string[];
  readonly tasks: number;
  /** Threads, and so cells at a time, per task. */
  readonly cpus: number;
  /** `HH:MM:SS` that a task may take; absent: what the cluster gives. */
  readonly time?: string;
  /** Folder for the shards, `<out>/shard-1` … */
  readonly out: string;
  readonly name: string;
}

const word = (text: string): string =>
  /^[A-Za-z0-9_./:=,+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The text of the script. Submitted again, it goes on where its shards stopped. */
export function slurmScript({ scenario, sets, tasks, cpus, time, out, name }: SlurmJob): string {
  const options = sets.map((set) => ` --set ${word(set)}`).join('');
  const shards = tasks === 1 ? `${word(out)}/shard-1` : `${word(out)}/shard-{1..${tasks}}`;
  return `#!/usr/bin/env bash
# ${tasks} ${tasks === 1 ? 'shard' : 'shards'} of one sweep. Submit with sbatch; submit again to go on after a failure or a time limit.
#SBATCH --job-name=${name.replace(/[^A-Za-z0-9_.-]/g, '-')}
#SBATCH --array=1-${tasks}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=${cpus}
#SBATCH --output=%x-%A-%a.log
${time === undefined ? '' : `#SBATCH --time=${time}\n`}set -euo pipefail

: "\${SLURM_ARRAY_TASK_ID:?is set by Slurm; submit this script with sbatch}"
shard=${word(out)}/shard-\${SLURM_ARRAY_TASK_ID}
mkdir -p "$shard"
\${RINGFENCE:-ringfence} run ${word(scenario)}${options} --shard "\${SLURM_ARRAY_TASK_ID}/${tasks}" --workers "\${SLURM_CPUS_PER_TASK:-${cpus}}" --out "$shard" --resume

# When all tasks are done:
#   ringfence merge ${shards} --out ${word(out)}/merged
`;
}
