#!/usr/bin/env bash
# Run every benchmark with a small setting, and write benchmarks/results.md.
#
#     benchmarks/all.sh            # all of them, under an hour on two cores
#     benchmarks/all.sh convert    # only those with "convert" in their name
#
# Corpora in assets/ are converted (see benchmarks/README.md). These variables add rows:
# MINILM (folder of a small transformer), TUTORIAL (tutorials/rel_component of
# explosion/projects), TUTORIAL_PYTHON (an interpreter with spaCy, but without this
# package), SPERT (SpERT's code), RAY=1. Failed and missing rows are in the
# table; what the benchmarks print is in benchmarks/all.log.
set -uo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

only=${1:-}
work=$(mktemp -d)
log=benchmarks/all.log
export BENCHMARK_FIGURES=$work/figures.jsonl
trap 'rm -rf "$work"' EXIT
: > "$log"
: > "$BENCHMARK_FIGURES"

# skip NAME REASON: a row without figure
skip() {
    [[ $1 == *$only* ]] || return 0
    echo "$1: $2"
    printf '{"row": "%s", "figure": null, "unit": "%s"}\n' "$1" "$2" \
        >> "$BENCHMARK_FIGURES"
}

# run NAME SCRIPT ARGUMENTS…: a benchmark, which records its rows
run() {
    [[ $1 == *$only* ]] || return 0
    echo "$1 …"
    local name=$1 script=$2
    shift 2
    echo "== $name: $script.py $*" >> "$log"
    timeout 900 python "benchmarks/$script.py" "$@" >> "$log" 2>&1 ||
        skip "$name" "failed, see benchmarks/all.log"
}

# needs NAME FILE SCRIPT ARGUMENTS…: the same if the file exists
needs() {
    local name=$1 file=$2
    shift 2
    if [[ -e $file ]]; then run "$name" "$@"; else skip "$name" "skipped: no $file"; fi
}

# convert FOLDER INPUT ARGUMENTS…: a corpus, if its input is in assets/
convert() {
    local folder=$1 input=$2
    shift 2
    [[ -e $input ]] || return 0
    python scripts/convert.py --output "$work/$folder" "$@" >> "$log" 2>&1 ||
        echo "$input can't be converted, see $log"
}

# train CONFIG FOLDER STEPS: on the sample corpus
train() {
    python -m spacy train "configs/$1.cfg" --output "$work/$2" \
        --paths.train "$work/sample/train.spacy" --paths.dev "$work/sample/dev.spacy" \
        --training.max_steps "$3" --training.eval_frequency "$3" "${@:4}" >> "$log" 2>&1 ||
        { echo "$1 can't be trained, see $log"; exit 1; }
}

echo "data and models …"
jobs=assets/ubiai_jobs conll04=assets/conll04 nerel=assets/nerel
convert sample assets/job_ads.json assets/job_ads.json
convert jobs $jobs --train $jobs/relations_training.txt --dev $jobs/relations_dev.txt \
    --test $jobs/relations_test.txt
convert conll04 $conll04/conll04_train.json --train $conll04/conll04_train.json \
    --dev $conll04/conll04_dev.json --test $conll04/conll04_test.json
convert nerel $nerel --train $nerel/train --dev $nerel/dev --lang ru --on-error skip
train joint_tok2vec joint 100
train rel_tok2vec rel 200
joint=$work/joint/model-last rel=$work/rel/model-last corpus=$work/corpus.jsonl
python benchmarks/make_corpus.py "$corpus" --n 6000 --source assets/job_ads.json \
    >> "$log" 2>&1
few=(--set training.max_steps=200 --set training.eval_frequency=200)

run start start_speed "$joint"
run accuracy accuracy configs/rel_tok2vec.cfg "$work/sample" --seeds 0 "${few[@]}"
run accuracy accuracy configs/joint_tok2vec.cfg "$work/sample" --seeds 0 "${few[@]}"
needs "accuracy: CoNLL04" "$work/conll04" accuracy configs/joint_tok2vec.cfg \
    "$work/conll04" --seeds 0 "${few[@]}"
needs "regression: jobs" "$work/jobs" job_ads_regression --data "$work/jobs"
run ablation ablation configs/rel_tok2vec.cfg "$work/sample" --folds 2 \
    --set training.max_steps=150 --set training.eval_frequency=150
run "annotation order" active_learning configs/rel_tok2vec.cfg "$work/sample" \
    --sizes 10,20 --orders random,max --seeds 0 --output "$work/active.json" \
    --set training.max_steps=150 --set training.eval_frequency=150
run training training_speed configs/joint_tok2vec.cfg "$work/sample" --steps 20
run training training_speed configs/rel_tok2vec.cfg "$work/sample" --steps 20
run "raw text" raw_text_speed "$joint" "$work/sample/test.spacy" --repeat 3
for task in CoNLL04 "1,000 entities"; do
    needs "pair model" "$work/nerel" pair_speed --data "$work" --repeat 3 \
        --only "$task"
done
run long long_documents "$joint" "$rel" "$work/sample/test.spacy" \
    --tokens 1000,10000 --entities 10,100,1000
run "relation ruler" ruler_speed "$work/sample/train.spacy" --texts 2000 --long 20000
run constraints constraint_speed
python scripts/inspect_data.py "$work/sample" --schema "$work/strict.json" >> "$log" 2>&1
run constraints constraint_accuracy "$rel" "$work/sample/test.spacy" \
    --schema "$work/strict.json" --thresholds 0.5,0.1
needs convert assets/genia_prodigy convert_speed --docs 5000 \
    ${TUTORIAL:+--tutorial "$TUTORIAL/scripts/parse_data.py"}
run extract extract_speed "$joint" "$corpus" --what shares --n-shares 4
run extract extract_speed "$joint" "$corpus" --what processes --rounds 1 \
    --chunk-size 250
run "extract, killed" kill_extract "$joint" "$corpus" --moments 2 --chunk-size 500 \
    --kinds driver,job,worker
if [[ -n ${RAY:-} ]]; then
    run "extract, Ray killed" kill_extract "$joint" "$corpus" --moments 2 \
        --chunk-size 500 --kinds actor,ray
else
    skip "extract, Ray killed" "skipped: RAY=1 isn't set"
fi
run cluster simulate_cluster --documents 1e8 --chunks 1000,10000 --mtbf 2
run graph graph_memory --n 50000
run service service_load "$joint" --clients 1,8 --seconds 5 --no-overload
run attack attack_service "$joint" --only errors
if [[ -n ${MINILM:-} ]]; then
    train joint_minilm minilm 20 --components.transformer.model.name "$MINILM"
    run encoder encoder_speed "$work/minilm/model-last" "$work/sample/test.spacy" \
        --repeat 3
    run training training_speed configs/joint_minilm.cfg "$work/sample" --steps 5 \
        --warm-up 1 --set "components.transformer.model.name=$MINILM"
else
    skip encoder "skipped: MINILM isn't set"
fi
if [[ -n ${TUTORIAL:-} && -n ${TUTORIAL_PYTHON:-} ]]; then
    needs "the tutorial" "$work/nerel" speed --tutorial "$TUTORIAL" \
        --tutorial-python "$TUTORIAL_PYTHON" --data "$work" --rounds 1 \
        --repeat 3 --only "job ads"
else
    skip "the tutorial" "skipped: TUTORIAL or TUTORIAL_PYTHON isn't set"
fi
if [[ -n ${SPERT:-} && -n ${MINILM:-} ]]; then
    run SpERT beside_spert "$SPERT" "$MINILM" --rounds 1 --data "$work/conll04"
else
    skip SpERT "skipped: SPERT or MINILM isn't set"
fi

if [[ -n $only ]]; then
    python benchmarks/_results.py "$BENCHMARK_FIGURES" "$work/results.md"
    cat "$work/results.md"
else
    python benchmarks/_results.py "$BENCHMARK_FIGURES" benchmarks/results.md
    echo "benchmarks/results.md"
fi
