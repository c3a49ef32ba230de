#!/bin/sh
# Measures everything that we want to know of a machine with a GPU, into one folder: ./all.sh RESULTS. If a step fails, the
# others still run, and the exit status is 1.
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: ./all.sh RESULTS}
mkdir -p "$out"
status=0
step() { # NAME COMMAND...
  name=$1
  shift
  echo "=== $name"
  "$@" >"$out/$name.txt" 2>&1 || { status=1; echo "=== $name: exit status $?"; }
  cat "$out/$name.txt"
}

step f16 "$here/run.sh" --dtype f16 --unchecked --json "$out/f16.json" --svg "$out/roofline-f16.svg"
step f32 "$here/run.sh" --dtype f32 --no-models --json "$out/f32.json" --svg "$out/roofline-f32.svg"
step variants "$here/run.sh" --dtype f16 --no-models --variants --filter '^(matmul|linear|swiglu|conv|attention) ' \
  --runs 10 --json "$out/variants-f16.json"
if python3 -c 'import torch' 2>/dev/null; then
  "$here/run.sh" --cases "$out/cases.json"
  step torch python3 "$here/bench/torch/bench.py" "$out/cases.json" "$out/torch.json" --types bf16,f16
  step beside "$here/run.sh" --from "$out/f16.json" --torch "$out/torch.json"
fi
exit $status
