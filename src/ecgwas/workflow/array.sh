#!/bin/bash
# One task of a job array: runs the part on the line of FILE that has the task's number.
# Arguments: PYTHON STUDY STAGE FILE
part=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$4")
exec "$1" -m ecgwas "$3" "$2" --part "$part"
