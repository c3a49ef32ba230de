#!/bin/sh
# Trains everything that models/shapes-world holds, from nothing, on two cores: WORK takes states, latents and logs.
#     sh make_checkpoint.sh WORK
# The script's losses are the last stage's: earlier ones weighed only the object's own pixels, and pale objects like others.
# The minutes are those the shipped checkpoint took on two cores that were shared; on idle ones they give more updates.
set -eu
WORK=$1
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296
TWO="python3 -m torch.distributed.run --nproc-per-node 2"

# encode_clips TAE LATENTS: the clips of the transformer's training, in two processes; a bare `wait` would forget failures
encode_clips() {
  python3 cache_latents.py --tae "$WORK/$1/last.pt" --out "$WORK/$2" --shards 4 --seed 0 &
  other=$!
  python3 cache_latents.py --tae "$WORK/$1/last.pt" --out "$WORK/$2" --shards 4 --seed 4
  wait "$other"
}

$TWO train_tae.py image --out "$WORK/tae_image" --minutes 3 --batch 4 --crop 32 --lr 2e-2 --final-lr 0.2
$TWO train_tae.py video --out "$WORK/tae_video32" --init "$WORK/tae_image/last.pt" --seed 1 \
  --minutes 15 --batch 4 --crop 32 --lr 2e-2 --final-lr 0.2
$TWO train_tae.py video --out "$WORK/tae_video48" --init "$WORK/tae_video32/last.pt" --seed 2 \
  --minutes 17 --batch 3 --crop 48 --lr 1.5e-2 --final-lr 0.05

encode_clips tae_video48 latents

{
  python3 train_tae.py decoder --out "$WORK/tae_decoder" --init "$WORK/tae_video48/last.pt" --seed 3 \
    --minutes 18 --batch 4 --crop 64 --lr 8e-3 --final-lr 0.03 --average 0.998
  python3 train_tae.py decoder --out "$WORK/tae_decoder2" --init "$WORK/tae_decoder/last.pt" --seed 4 \
    --minutes 40 --batch 2 --crop 64 --lr 1.2e-2 --final-lr 0.02 --average 0.998
} &
decoder=$!
python3 train_dit.py --latents "$WORK/latents" --out "$WORK/dit" --minutes 66 --lr 1e-2 --batch 64
wait "$decoder"

$TWO train_tae.py video --out "$WORK/tae_joint" --init "$WORK/tae_decoder2/last.pt" --seed 5 \
  --minutes 95 --batch 2 --crop 64 --lr 1.2e-2 --final-lr 0.02 --average 0.998
encode_clips tae_joint latents2
$TWO train_dit.py --init "$WORK/dit/last.pt" --latents "$WORK/latents2" --out "$WORK/dit2" \
  --minutes 33 --lr 6e-3 --batch 32 --decay-from 0.2

$TWO train_tae.py video --out "$WORK/tae_joint2" --init "$WORK/tae_joint/last.pt" --seed 6 \
  --minutes 80 --batch 2 --crop 64 --lr 1.2e-2 --final-lr 0.02 --average 0.998
encode_clips tae_joint2 latents3
$TWO train_dit.py --init "$WORK/dit2/last.pt" --latents "$WORK/latents3" --out "$WORK/dit3" \
  --minutes 55 --lr 6e-3 --batch 32 --decay-from 0.2

python3 export.py --tae "$WORK/tae_joint2/last.pt" --dit "$WORK/dit3/last.pt" --out ../models/shapes-world --guidance 3
python3 evaluate.py ../models/shapes-world --json "$WORK/figures.json"
