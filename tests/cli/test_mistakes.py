"""What users get wrong, command by command: each is one line that says what was given and what is legal, and loses nothing."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports, tiny

from tfpagan import cli
from tfpagan.inference import restore

# HERE is a folder with: images/, 12 PNG files of 8 px; run/, a run on them at step 1, with an export; empty/; words/, whose
# a.png is no picture; text, a file; arrays.npz and array.npy, which hold no images; statistics.npz; flags, a flag per line.
TRAIN = ("--dataset=folder:HERE/images", "--image_size=8", "--architecture=color_mnist", "--channels=8", "--model_dir=HERE/new")
CLASSIFIER = ("--dataset=folder:HERE/images", "--image_size=8", "--model_dir=HERE/new_classifier")
SCORE = ("--model_dir=HERE/run", "--metrics=rmse", "--reconstructions=2")
BETWEEN = ("--model=HERE/run", "--start=seed:1", "--output=HERE/new.png")
GRID = ("--dry_run", "--dataset=mnist")
TABLE = ("--dry_run", "--table=pagan_3")
SERVE = ("--model=HERE/run", "--port=0")
LOAD = ("--url=http://localhost:1/v1/models/tiny",)

LONG = 90 * "a"

Rows = list[tuple[str, str]]
"""Flags, separated by spaces, and a part of the message."""

MISTAKES: dict[tuple[str, tuple[str, ...]], Rows] = {
    ("train", TRAIN): [
        ("--datset=mnist", "Unknown command line flag 'datset'. Did you mean: dataset"),
        (f"--dataset={300 * 'a'}", f"{300 * 'a'} cannot be used: File name too long"),
        ("--dataset=~nosuch/pictures", "--dataset='~nosuch/pictures' is not legal"),
        ("--plugin=~nosuch/x.py", "--plugin=~nosuch/x.py: there is no file ~nosuch/x.py"),
        (
            "--reconstruction=perceptual --perceptual_classifier=/nowhere",
            "--perceptual_classifier=/nowhere: /nowhere holds no classifier: saved_model.pb is missing",
        ),
        ("mnist", "unexpected argument 'mnist'; flags are written --name=value"),
        ("--channels", "Missing value for flag --channels"),
        ("--nochannels", "Unknown command line flag 'nochannels'. Did you mean: channels"),
        ("--no-xla", "Unknown command line flag 'no-xla'"),
        ("--nodeterministic=3", "--nodeterministic=3 does not take an argument"),
        ("--xla=maybe", "--xla=maybe is not legal: it must be one of auto, true, false"),
        ("--noxla", "there is no --noxla: it is now --xla=false"),
        (
            "--xla=true --sync_batch_norm --devices=CPU:0,CPU:1",
            "--xla=true cannot go with --sync_batch_norm and several replicas",
        ),
        ("--sync_batch_norm=2", "--sync_batch_norm=2 is not legal: it must be true or false"),
        ("--batch_size=many", "--batch_size=many is not legal: it must be a whole number"),
        ("--batch_size=2.5", "--batch_size=2.5 is not legal: it must be a whole number"),
        ("--batch_size=1e3", "--batch_size=1e3 is not legal: it must be a whole number"),
        ("--batch_size=", "--batch_size= is not legal: it must be a whole number"),
        ("--batch_size=-1", "--batch_size=-1 is not legal: it must be at least 2 and at most 65536"),
        ("--batch_size=99999999", "--batch_size=99999999 is not legal: it must be at least 2 and at most 65536"),
        ("--learning_rate=fast", "--learning_rate=fast is not legal: it must be a number"),
        ("--learning_rate=0", "--learning_rate=0.0 is not legal: it must be above 0.0"),
        ("--learning_rate=nan", "--learning_rate=nan is not legal: it must be above 0.0 and finite"),
        ("--learning_rate=inf", "--learning_rate=inf is not legal: it must be above 0.0 and finite"),
        ("--train_steps=0", "--train_steps=0 is not legal: it must be at least 1"),
        (f"--train_steps={10**19}", f"--train_steps={10**19} is not legal: it must be at least 1 and below 2^63"),
        ("--seed=-1", "--seed=-1 is not legal: it must be at least 0 and at most 2147483647"),
        ("--seed=2147483648", "--seed=2147483648 is not legal: it must be at least 0 and at most 2147483647"),
        ("--seed=1 --seed=x", "--seed=x is not legal: it must be a whole number"),
        ("--adam_beta1=1", "--adam_beta1=1.0 is not legal: it must be at least 0.0 and below 1.0"),
        ("--ema_decay=1", "--ema_decay=1.0 is not legal: it must be at least 0.0 and below 1.0"),
        ("--ema_decay=-0.1", "--ema_decay=-0.1 is not legal: it must be at least 0.0 and below 1.0"),
        ("--keep_checkpoints=0", "--keep_checkpoints=0 is not legal: it must be at least 1"),
        ("--save_every_steps=0", "--save_every_steps=0 is not legal: it must be at least 1"),
        ("--mixed_precision=float64", "must be one of none, bfloat16, float16"),
        ("--gradients=exact", "must be one of auto, fused, simultaneous, reference"),
        ("--gradients=fused --objective=wgan_gp", "the critic has a gradient penalty; use --gradients=simultaneous"),
        ("--step=fused", "there is no --step: --gradients sets how gradients are computed"),
        ("--code=normal", "there is no --code: it is now --posterior, and its value normal is now gaussian"),
        ("--devices=GPU:7", "--devices names GPU:7, which is not here; this machine has CPU:0"),
        ("--devices=CPU:0,CPU:0", "--devices=CPU:0,CPU:0 names a device twice"),
        ("--json", "--json prints --dry_run as JSON; give both"),
        ("--preset=pagan_imagenet", "unknown preset 'pagan_imagenet'; did you mean"),
        ("--objective=gan", "unknown objective 'gan'; did you mean pagan or dcgan"),
        ("--divergence=kl", "--divergence is a setting of objective f_pagan, not of pagan"),
        ("--objective=f_pagan --divergence=tv", "--divergence=tv is not legal: it must be one of jensen_shannon"),
        ("--objective=age --posterior=gaussian", "not legal with --objective=age: it must be one of sphere, point"),
        ("--objective=conditional_age --architecture=resnet", "not legal with --objective=conditional_age: it must be dcgan"),
        ("--objective=alpha_gan --encoder_l1_weight=-1", "--encoder_l1_weight=-1.0 is not legal: it must be at least 0.0"),
        ("--image_size=12", "--image_size=12 is not legal: it must be at least 0 and a multiple of 8"),
        ("--image_size=16", "8x8 px (width x height) is too small for --image_size=16 and is never enlarged"),
        ("--crop=middle", "it must be none, center, center:PX, pad or auto"),
        ("--crop=center:-3", "it must be none, center, center:PX, pad or auto"),
        ("--crop=center:99", "is too small for --crop=center:99"),
        ("--background=blue", "--background=blue is not legal: it must be one of none, white, black"),
        ("--augmentation=rotate", "it must be one of pad_crop, blur, contrast, none"),
        ("--pad_fraction=0.9", "--pad_fraction=0.9 is not legal: it must be at least 0.0 and at most 0.5"),
        ("--augmentation=blur --blur_sigma_min=3", "--blur_sigma_min=3.0 is above --blur_sigma_max=2.0"),
        ("--contrast_min=2 --contrast_max=1", "--contrast_min=2.0 is above --contrast_max=1.0"),
        ("--channels=9", "--channels=9 is not legal: it must be at least 8 and at most 8192 and a multiple of 8"),
        (
            "--disc_channel_multiplier=0",
            "--disc_channel_multiplier=0 is not legal: it must be at least 1 and at most 64",
        ),
        ("--latent_dim=0", "--latent_dim=0 is not legal: it must be at least 1 and at most 65536"),
        (
            "--architecture=vgg",
            "--architecture=vgg is not legal: it must be one of dcgan, resnet, resnet_constant, dcgan_32px, dcgan_64px, ",
        ),
        ("--posterior=cauchy", "it must be one of gaussian, flow, point, sphere"),
        ("--flow_length=0", "--flow_length=0 is not legal: it must be at least 1 and at most 1000"),
        ("--code_layers=a,b", "it must be comma-separated whole numbers from 1 to 99999"),
        ("--code_layers=", "it must be comma-separated whole numbers from 1 to 99999"),
        (
            "--objective=as_vae_r --code_weight=0.5",
            "--code_weight=0.5 is not legal with --objective=as_vae_r: it must be 1.0",
        ),
        (
            "--disc_augmentation=color,cutout,translation",
            "it must be one of none, color, translation, cutout, color,translation",
        ),
        ("--decay_fraction=2", "--decay_fraction=2.0 is not legal: it must be at least 0.0 and at most 1.0"),
        ("--max_variance=-1", "--max_variance=-1.0 is not legal: it must be at least 0.0"),
        ("--objective=f_pagan --max_logit=-1", "--max_logit=-1.0 is not legal: it must be at least 0.0"),
        ("--objective=f_pagan --logit_penalty=inf", "--logit_penalty=inf is not legal: it must be at least 0.0 and finite"),
        ("--objective=pagan --logit_penalty=1", "--logit_penalty is a setting of objective f_pagan, not of pagan"),
        ("--clip_norm=-1", "--clip_norm=-1.0 is not legal: it must be at least 0.0"),
        ("--clip_norm=nan", "--clip_norm=nan is not legal: it must be at least 0.0 and finite"),
        ("--validation_images=-1", "--validation_images=-1 is not legal: it must be at least 0"),
        ("--disc_dropout=1", "--disc_dropout=1.0 is not legal: it must be at least 0.0 and below 1.0"),
        ("--pair=height", "--pair=height is not legal: it must be one of width, channels, siamese"),
        ("--likelihood=poisson", "it must be one of none, gaussian, laplace, bernoulli"),
        ("--likelihood_scale=-1", "--likelihood_scale=-1.0 is not legal: it must be at least 0.0"),
        ("--critic_from=0.5", "--critic_from=0.5 needs --validation_images, on which the critic learns"),
        ("--critic_from=0.5 --best_metric=rmse --eval_every_steps=1 --validation_images=0", "--critic_from=0.5 needs"),
        ("--critic_from=1", "--critic_from=1.0 is not legal: it must be at least 0.0 and below 1.0"),
        ("--critic_from=0.5 --validation_images=99", "--validation_images=99 leaves none of the"),
        ("--patience=2", "--patience=2 needs --best_metric, of which it waits for a better value"),
        ("--patience=-1", "--patience=-1 is not legal: it must be at least 0"),
        ("--best_metric=rmse", "--best_metric=rmse needs --eval_every_steps"),
        ("--eval_every_steps=9 --eval_protocol=fid", "--eval_protocol=fid is not legal: it must be one of quick1k"),
        ("--eval_every_steps=9 --eval_classifier=/nowhere", "/nowhere holds no classifier: saved_model.pb is missing"),
        (f"--model_dir={'x' * 300}", "a path has at most 3800 bytes, and each name in it at most 255"),
        (f"--model_dir={'x/' * 2000}", "a path has at most 3800 bytes"),
        *((f"--model_dir=HERE/x{c}", f"TensorFlow cannot read files whose path has {c!r} in it") for c in "[]*?\\"),
        ("--model_dir=gs://bucket/run", "--model_dir=gs://bucket/run is not legal: it must be a folder of this machine"),
        ("--model_dir=HERE/text", "cannot write in --model_dir=HERE/text"),
        ("--model_dir=HERE/text/run", "cannot write in --model_dir=HERE/text/run"),
        ("--model_dir=/proc/run", "cannot write in --model_dir=/proc/run"),
        ("--model_dir=HERE/run/export", "--model_dir=HERE/run/export is an export, not the folder of a run"),
        ("--model_dir=HERE/run/export/1", "--model_dir=HERE/run/export/1 is an export, not the folder of a run"),
        ("--model_dir=HERE/images/run", "lies in folder:HERE/images: its image grids would become training images"),
        ("--model_dir=HERE/run", "HERE/run holds a run with another configuration ("),
        ("--dataset=mnisst", "unknown data set 'mnisst'; did you mean mnist"),
        ("--dataset=MNIST", "unknown data set 'MNIST'; did you mean mnist"),
        (
            "--dataset=cifar-10",
            "'cifar-10' is not legal: it must be name, name/config, name:version, folder:PATH, npz:FILE; did you mean cifar10?",
        ),
        ("--dataset=", "it must be a TFDS name (celeb_a, cifar10, mnist, ...), folder:PATH, npz:FILE, color_mnist or shapes"),
        ("--dataset=HERE/images", "it must be name, name/config, name:version, folder:PATH"),
        ("--dataset=../etc", "it must be name, name/config, name:version, folder:PATH"),
        ("--dataset=s3://bucket/images", "it must be name, name/config, name:version, folder:PATH"),
        ("--dataset=folder:", "it must be a TFDS name"),
        ("--dataset=folder:/nowhere", "--dataset=folder:/nowhere: /nowhere does not exist"),
        ("--dataset=folder:HERE/text", "HERE/text is not a folder"),
        ("--dataset=folder:HERE/empty", "no images in HERE/empty: looked for files ending in .png"),
        ("--dataset=folder:HERE/words", "HERE/words/a.png (its contents are not PNG, JPEG, GIF or BMP)"),
        ("--data_dir=s3://bucket", "--data_dir=s3://bucket is not legal: it must be a folder of this machine"),
        ("--dataset=folder:gs://b/x", "--dataset=folder:gs://b/x is not legal: it must be a folder of this machine"),
        ("--dataset=npz:gs://b/x.npz", "--dataset=npz:gs://b/x.npz is not legal: it must be a file of this machine"),
        ("--cache_dir=HERE/text", "cannot write into HERE/text: File exists; set --cache_dir"),
        ("--flagfile=/nowhere/flags", "Unable to open flagfile"),
        ("--flagfile=HERE/images", "Unable to open flagfile"),
        ("--flagfile=HERE/images/00.png", "the --flagfile is not text"),
        ("--flagfile=HERE/flags", "--pair=height is not legal"),
        ("--plugin=/nowhere.py", "--plugin=/nowhere.py: there is no file /nowhere.py"),
        ("--plugin=no.such.module", "--plugin=no.such.module: there is no module no"),
        ("--plugin=", "--plugin= is not legal: it must be a .py file or an importable module"),
    ],
    ("train_classifier", CLASSIFIER): [
        ("--channels=0", "--channels=0 is not legal: it must be at least 1 and at most 1024"),
        ("--train_steps=-1", "--train_steps=-1 is not legal: it must be at least 1"),
        ("--batch_size=0", "--batch_size=0 is not legal: it must be at least 1 and at most 65536"),
        ("--learning_rate=nan", "--learning_rate=nan is not legal: it must be at least 1e-09 and at most 100.0"),
        ("--weight_decay=-1", "--weight_decay=-1.0 is not legal: it must be at least 0.0 and at most 1.0"),
        ("--crop_fraction=1.5", "--crop_fraction=1.5 is not legal: it must be at least 0.25 and at most 1.0"),
        ("--seed=-1", "--seed=-1 is not legal: it must be at least 0"),
        ("--flip=maybe", "--flip=maybe is not legal: it must be true or false"),
        ("--dataset=nothing", "unknown data set 'nothing'"),
        ("--model_dir=/proc/x", "cannot write in --model_dir=/proc/x"),
        ("--model_dir=HERE/text", "--model_dir=HERE/text exists and is not a classifier; choose another"),
        ("--image_size=8", "folder:HERE/images has no labels"),
    ],
    ("evaluate", ()): [
        ("", "name one thing to score: --model_dir, --export, --real with --fake, or --reconstructor"),
        ("--model_dir=HERE/run --reconstructor=augment:blur", "name one thing to score"),
        ("--model_dir=/nowhere", "--model_dir=/nowhere holds no run with a checkpoint"),
        ("--real=/a", "name one thing to score"),
        ("--fake=/a", "--real and --fake go together"),
        ("--real=/a --fake=/nowhere", "/nowhere does not exist; expected a folder of images, or an array of them"),
        ("--real=~nosuchuser/a --fake=~nosuchuser/b --metrics=fid", "~nosuchuser/b does not exist"),
        ("--real=HERE/images --fake=HERE/text", "HERE/text is a file; expected a folder of images, or an array of them"),
        ("--real=HERE/images --fake=HERE/empty --metrics=rmse", "HERE/empty holds no images (.png"),
        ("--real=HERE/array.npy --fake=HERE/array.npy", "HERE/array.npy holds 0 arrays [N, H, W, C]; expected one"),
        ("--real=HERE/arrays.npz --fake=HERE/images", "HERE/arrays.npz holds 0 arrays [N, H, W, C]; expected one"),
        ("--real=HERE --fake=HERE/images", "12 of the files in HERE/images are in HERE too"),
        ("--fake=HERE/images --save_statistics=HERE/s.txt", "--save_statistics=HERE/s.txt is not legal: it must be a file.npz"),
        ("--fake=HERE/arrays.npz --save_statistics=HERE/arrays.npz", "would replace a file that holds no statistics"),
        (
            "--real=HERE/statistics.npz --fake=HERE/images --save_statistics=HERE/statistics.npz",
            "would replace --real; name another file",
        ),
        ("--fake=HERE/images --save_statistics=/proc/s.npz", "--save_statistics=/proc/s.npz cannot be written: "),
        ("--fake=/nowhere --save_statistics=HERE/s.npz", "/nowhere does not exist; expected a folder of images"),
        ("--fake=HERE/statistics.npz --save_statistics=HERE/s.npz", "--save_statistics cannot be given with statistics"),
        ("--real=HERE/images --fake=HERE/statistics.npz --samples=9", "--samples cannot be given with statistics: HERE/stat"),
        ("--real=HERE/statistics.npz --fake=HERE/statistics.npz --classifier=shapes", "--classifier cannot be given with stat"),
        ("--reconstructor=blur", "--reconstructor=blur is not legal: it must be augment:NAME"),
        ("--reconstructor=augment:rotate", "--augmentation=rotate is not legal: it must be one of pad_crop"),
        ("--reconstructor=augment:blur --metrics=rmse", "--dataset is missing: the data set to score on"),
        ("--export=/nowhere --metrics=rmse", "/nowhere is not a readable SavedModel"),
        ("--export=HERE/images --metrics=rmse", "HERE/images is not a readable SavedModel"),
        ("--export=HERE/images --step=0", "--step goes with --model_dir: it selects a checkpoint of a run"),
        ("--fake=HERE/images --real=HERE/images --best", "--best goes with --model_dir: it selects a checkpoint of a run"),
    ],
    ("evaluate", SCORE): [
        ("--metrics=fod", "unknown metric 'fod' (did you mean fid?); known: is, fid, kid"),
        ("--metrics=,", "unknown metric ''; known: is, fid, kid"),
        ("--protocol=is50k", "--protocol and --metrics cannot be given together"),
        ("--metrics= --protocol=fid", "unknown protocol 'fid'; known: custom, is50k"),
        ("--dataset=mnist", "--dataset cannot be given with --model_dir: a run is measured on its own data set"),
        ("--image_size=16", "--image_size cannot be given with --model_dir"),
        ("--metrics=fid --classifier=/nowhere", "/nowhere holds no classifier: saved_model.pb is missing"),
        ("--metrics=fid --classifier=s3://b/x", "s3://b/x is not legal: a classifier is one of inception, "),
        ("--metrics=fid --classifier=HERE/images", "HERE/images holds no classifier: saved_model.pb is missing"),
        ("--metrics=fid --inception=/nowhere", "there is no /nowhere. Set --inception"),
        ("--metrics=fid --inception=HERE/text", "HERE/text is not a known form of Inception. Set --inception"),
        ("--inception=/a --classifier=/b", "--inception and --classifier cannot be given together"),
        ("--reconstructions=100", "has 2 images, but 100 are requested"),
        ("--batch_size=0", "--batch_size=0 is not legal: it must be at least 1"),
        ("--wait_for_workers=-1", "--wait_for_workers=-1 is not legal: it must be at least 0"),
        ("--samples=-9", "--samples=-9 is not legal: it must be at least 0"),
        ("--shown_codes=-9", "--shown_codes=-9 is not legal: it must be at least 0"),
        ("--splits=0", "0 splits cannot be made; at least 1 is needed"),
        ("--seed=-1", "--seed=-1 is not legal: it must be at least 0"),
        ("--code=mode", "code 'mode' is not legal; it must be mean or draw"),
        ("--step=7", "HERE/run/ckpt holds no checkpoint of step 7; there are 1"),
        ("--step=one", "--step=one is not legal: it must be a whole number"),
        ("--best", "HERE/run/best holds no checkpoint; --best_metric keeps the best one there"),
        ("--step=1 --best", "step 1 and the best checkpoint exclude each other; choose one"),
        ("--output=/proc/x", "the scores cannot be written to /proc/x"),
        ("--metrics=ais --ais_images=0", "--ais_images=0 is not legal: it must be at least 2"),
        ("--metrics=critic --critics=0", "--critics=0 is not legal: it must be at least 1"),
        ("--metrics=critic --critic_updates=many", "--critic_updates=many is not legal: it must be a whole number"),
        ("--metrics=ais --ais_sigma=-1", "--ais_sigma=-1.0 is not legal: it must be at least 0"),
        ("--devices=GPU:9", "--devices names GPU:9, which is not here"),
    ],
    ("compare", ()): [
        ("", "--runs needs two or more run folders, separated by commas"),
        ("--runs=/a", "--runs needs two or more run folders"),
        ("--runs=/a,/b,/a", "--runs names /a twice"),
        ("--runs=HERE/run,HERE/images", "scores.csv holds no scores"),
        ("--runs=HERE/text,HERE/run", "HERE/text/scores.csv holds no scores"),
        ("--runs=" + ",".join(f"/{i}{LONG}" for i in range(50)), f"/0{LONG}/scores.csv holds no scores"),
        ("--plugin=x.py", "Unknown command line flag 'plugin'"),
    ],
    ("probe", ()): [
        ("", "--model_dir is missing; see --help"),
        ("--model_dir=/nowhere", "--model_dir=/nowhere holds no run with a checkpoint"),
        ("--model_dir=HERE/run/export", "--model_dir=HERE/run/export holds no run with a checkpoint"),
        ("--model_dir=HERE/run", "the data set of HERE/run, folder:HERE/images, has no labels"),
        ("--model_dir=HERE/run --sets=0", "--sets=0 is not legal: it must be at least 1"),
        ("--model_dir=HERE/run --labels_per_class=0", "--labels_per_class=0 is not legal: it must be at least 1"),
        ("--model_dir=HERE/run --held_out=0", "--held_out=0 is not legal: it must be at least 1"),
        ("--model_dir=HERE/run --seed=-1", "--seed=-1 is not legal: it must be at least 0"),
        ("--model_dir=HERE/run --step=7", "holds no checkpoint of step 7; there are 1"),
    ],
    ("export", ()): [
        ("", "--model_dir is missing; see --help"),
        ("--model_dir=/nowhere", "--model_dir=/nowhere holds no run with a checkpoint"),
        ("--model_dir=HERE/images", "--model_dir=HERE/images holds no run with a checkpoint"),
        ("--model_dir=HERE/run --step=9", "holds no checkpoint of step 9; there are 1"),
        ("--model_dir=HERE/run --best", "best holds no checkpoint"),
        ("--model_dir=HERE/run --output=/proc/x", "cannot export to /proc/x"),
        ("--model_dir=HERE/run --output=HERE/text", "cannot export to HERE/text"),
        ("--model_dir=HERE/run --format=keras", "--format=keras is not legal: it must be saved_model, tflite or onnx"),
        ("--model_dir=HERE/run --format=tflite --output=/proc/x", "cannot export to /proc/x"),
        ("--model_dir=HERE/run --format=tflite --name=a", "--name=a is for --format=saved_model"),
        ("--model_dir=HERE/run --signatures=encode", "--signatures=encode is for --format=tflite and onnx"),
        (
            "--model_dir=HERE/run --format=onnx --signatures=encode,encoder",
            "there is no signature 'encoder'; onnx can have encode, decode, reconstruct",
        ),
        (
            "--model_dir=HERE/run --format=tflite --signatures=encode_bytes",
            "the signature encode_bytes cannot be converted to tflite: it reads or writes image files",
        ),
        (
            "--model_dir=HERE/run --format=onnx --signatures=sample",
            "the signature sample cannot be converted to onnx: it draws random numbers",
        ),
        (
            "--model_dir=HERE/run --format=onnx --signatures=serving_default",
            "the signature serving_default cannot be converted to onnx: it is another name, of reconstruct",
        ),
        ("--model_dir=HERE/run --output=HERE/x[1]", "TensorFlow cannot read files whose path has '[' in it"),
        ("--model_dir=HERE/run --output=s3://x", "s3://x is not legal: only files and folders of this machine"),
    ],
    ("serve", SERVE): [
        ("--host=a..b", "cannot listen on a..b, port 0: "),
        ("--grpc_port=-1", "--grpc_port=-1 is not legal: it must be at least 0 and at most 65535"),
        ("--grpc_port=8600 --port=8600", "--grpc_port=8600 is --port, too; they need a port each"),
        ("--labels=stable,a/b", "--labels=a/b is not legal: letters, digits, '_', '-' and '.' are"),
        ("--model=", "--model is missing; see --help"),
        ("--model=/nowhere", "--model=/nowhere holds no export, which bin/export creates from a run, nor shapes, which"),
        ("--model=HERE/images", "--model=HERE/images holds no export, which bin/export creates from a run"),
        ("--port=70000", "--port=70000 is not legal: it must be at least 0 and at most 65535"),
        ("--max_rows=0", "--max_rows=0 is not legal: it must be at least 1 and at most 4096"),
        ("--threads=0", "--threads=0 is not legal: it must be at least 1 and at most 256"),
        ("--max_body_mib=0", "--max_body_mib=0 is not legal: it must be at least 1 and at most 1024"),
        ("--name=a/b", "--name=a/b is not legal: letters, digits, '_', '-' and '.' are"),
        ("--host=", "--host is missing; see --help"),
        ("--host=nowhere.invalid", "cannot listen on nowhere.invalid"),
    ],
    ("sample", ("--model=HERE/run",)): [
        ("--model=", "--model is missing: a run folder, an export, or one of shapes"),
        ("--model=/nowhere", "/nowhere is neither a run, with ckpt/, nor an export, with saved_model.pb"),
        ("--model=HERE/text", "HERE/text is neither a run, with ckpt/, nor an export"),
        ("--count=0", "0 samples cannot be drawn; expected a whole number from 1 to 1000000"),
        ("--count=1000001", "1000001 samples cannot be drawn"),
        ("--seed=-1", "seed -1 is not legal: it must be a whole number, at least 0 and below 2^31"),
        ("--seed=99999999999", "seed 99999999999 is not legal"),
        ("--step=7", "holds no checkpoint of step 7; there are 1"),
        ("--step=1 --best", "step 1 and the best checkpoint exclude each other"),
        ("--model=HERE/run/export --step=1", "HERE/run/export is an export, which has no checkpoints to choose from"),
        ("--columns=-1", "--columns=-1 is not legal: it must be at least 0"),
        ("--scale=0", "--scale=0 is not legal: it must be at least 1 and at most 64"),
        ("--scale=2 --output=a.npz", "--scale=2 is not legal with --output=a.npz: an array holds the samples as they are"),
        ("--output=a.bmp", "a.bmp is not legal: it must end in .png or .npz, or be a folder"),
        ("--output=/proc/x.png", "cannot write /proc/x.png"),
        ("--output=", "--output is missing; see --help"),
        ("--output=HERE/images/", "HERE/images is not empty; name a new folder"),
        ("--output=HERE/text/a.png", "cannot write HERE/text/a.png"),
    ],
    ("reconstruct", ("--model=HERE/run", "--output=HERE/new")): [
        ("", "--input is missing; see --help"),
        ("--input=HERE/images --output=", "--output is missing; see --help"),
        ("--input=/nowhere", "there is no folder /nowhere"),
        ("--input=HERE/text", "HERE/text is a file; expected a folder of images"),
        ("--input=HERE/empty", "HERE/empty holds no images"),
        ("--input=HERE/words", "HERE/words/a.png cannot be read: its contents are not PNG, JPEG, GIF or BMP"),
        ("--input=HERE/images --background=blue", "--background=blue is not legal: it must be one of none, white, black"),
        ("--input=HERE/images --output=/proc/x", "cannot write /proc/x"),
        ("--input=HERE/images --output=HERE/text", "cannot write HERE/text"),
        ("--input=HERE/images --output=HERE/images/out", "--output=HERE/images/out lies in --input=HERE/images"),
    ],
    ("interpolate", BETWEEN): [
        ("", "--end is missing; see --help"),
        ("--start= --end=seed:1", "--start is missing; see --help"),
        ("--end=seed:x", "'seed:x' is not legal: a whole number must follow the colon"),
        ("--end=seed:", "'seed:' is not legal: a whole number must follow the colon"),
        (f"--end=seed:{'9' * 5000}", "a whole number must follow the colon"),
        ("--end=seed:9999999999", "seed 9999999999 is not legal: it must be a whole number, at least 0 and below 2^31"),
        ("--end=/nowhere.png", "/nowhere.png cannot be read"),
        ("--end=HERE/text", "HERE/text cannot be read: its contents are not PNG, JPEG, GIF or BMP"),
        ("--end=a.npz", "a.npz is a file of many codes: a.npz:0 names the first"),
        ("--end=/nowhere.npz:1", "/nowhere.npz is not a file of codes from bin/encode"),
        ("--end=HERE/arrays.npz:0", "HERE/arrays.npz is not a file of codes from bin/encode"),
        ("--end=seed:2 --way=cubic", "way 'cubic' is not legal: it must be one of spherical, linear"),
        ("--end=seed:2 --count=1", "expected a whole number from 2 to 1000000"),
        ("--end=seed:2 --scale=65", "--scale=65 is not legal: it must be at least 1 and at most 64"),
        ("--end=seed:2 --count=20000 --scale=64", "a PNG of 10240000 x 512 px is too large; use fewer images"),
        ("--end=seed:2 --count=500000", "a PNG of 4000000 x 8 px is too large; use fewer images"),
        (
            "--end=seed:2 --count=2000 --scale=64 --output=HERE/new.gif",
            "2000 frames of 512 x 512 px are too many; use fewer images, or",
        ),
        ("--end=seed:2 --output=a.mp4", "--output=a.mp4 is not legal: it must end in .png or .gif"),
        ("--end=seed:2 --frames_per_second=0", "--frames_per_second=0.0 is not legal: it must be at least 0.1"),
        ("--end=seed:2 --frames_per_second=nan", "--frames_per_second=nan is not legal"),
    ],
    ("encode", ("--model=HERE/run", "--output=HERE/new.npz")): [
        ("", "name one thing to encode: --input, a folder of images, or --dataset"),
        ("--input=HERE/images --dataset=mnist", "name one thing to encode"),
        ("--input=HERE/images --output=a.csv", "--output=a.csv is not legal: it must end in .npz"),
        ("--input=HERE/images --output=/proc/c.npz", "cannot write /proc/c.npz"),
        ("--input=HERE/images --split=all", "--split=all is not legal: it must be train or test"),
        ("--input=HERE/text", "HERE/text is a file; expected a folder of images"),
        ("--input=/nowhere", "there is no folder /nowhere"),
        ("--dataset=cifar10 --image_size=16", "--image_size=16 is not legal: the model takes images of 8 px"),
        ("--dataset=nothing", "unknown data set 'nothing'"),
        ("--dataset=folder:/nowhere", "--dataset=folder:/nowhere: /nowhere does not exist"),
        ("--input=HERE/images --background=red", "--background=red is not legal: it must be one of none, white, black"),
        ("--input=HERE/images --image_size=7", "--image_size=7 is not legal"),
        (
            "--input=HERE/images --crop=center",
            "--crop goes with --dataset; images of --input are taken as they are",
        ),
        ("--input=HERE/images --split=train", "--split goes with --dataset"),
        ("--dataset=mnist --fit", "--fit goes with --input; --crop says how images of --dataset are cut"),
    ],
    ("colourise", ("--input=HERE/images", "--output=HERE/new.png")): [
        ("--model=HERE/run", "HERE/run does not colourise: a run of --objective=conditional_age does"),
        ("--model=/nowhere", "/nowhere is neither a run, with ckpt/, nor an export"),
        ("--output=", "--output is missing; see --help"),
    ],
    ("reproduce", TABLE): [
        ("--table=", "--table is missing, or --figure; known tables: systems_mnist"),
        ("--table= --figure=pagan_1", "--figure=pagan_1 is not legal: it must be one of age_2, age_3"),
        (
            "--table= --figure=alpha_gan_2 --dry_run=false --json",
            "--json cannot go with --figure=alpha_gan_2",
        ),
        ("--figure=age_9", "--table and --figure cannot be given together"),
        ("--seeds=", "--seeds= is not legal: it must be comma-separated whole numbers"),
        ("--seeds=-1", "--seeds=-1 is not legal: it must be comma-separated whole numbers"),
        ("--seeds=9999999999", "--seed=9999999999 is not legal: it must be at least 0 and at most 2147483647"),
        ("--table=systems", "--table=systems is not legal: it must be one of systems_mnist"),
        ("--rows=PAGAN,VAE", "unknown row of pagan_3 'VAE'; known: PAGAN, PAGAN-L1, PAGAN-NOAUG"),
        ("--images=63", "--images=63 are fewer than the 64 of one step of pagan_cifar10"),
        ("--images=-1", "--images=-1 is not legal: it must be at least 0"),
        ("--channels=9", "--channels=9 is not legal"),
        ("--jobs=0", "--jobs=0 is not legal: it must be at least 1"),
        ("--gpus_per_run=-2", "--gpus_per_run=-2 is not legal: it must be at least -1"),
        ("--cluster=slurm", "--cluster=slurm is not legal: it must be ray or ray://HOST:PORT"),
        ("--protocol=x", "unknown protocol 'x'; known: custom, is50k"),
        ("--protocol=ais100", "--protocol=ais100 has none of the table's numbers ("),
        ("--dry_run --json", "--json prints scores, and --dry_run computes none; give one of them"),
        ("--dry_run --publish=gs://b/p", "gs://b/p is not legal: only files and folders of this machine can be used"),
        ("--dry_run=false --hours", "--hours goes with --dry_run: it measures, and makes no run"),
    ],
    ("sweep", GRID): [
        ("--grid=seed=1,2 --dry_run --json", "--json prints scores, and --dry_run computes none; give one of them"),
        ("", "--grid is missing: the values of the sweep"),
        ("--grid=learning_rate", "it must be NAME=VALUE"),
        ("--grid=learning_rates=1", "unknown setting of the grid 'learning_rates'; did you mean learning_rate"),
        ("--grid=channels=8,x", "channels=x in the grid is not legal: it must be a whole number"),
        ("--grid=deterministic=1", "it must be true or false"),
        ("--grid=seed=1,1", "seed has a value twice"),
        ("--grid=seed=1;seed=2", "it has seed twice"),
        ("--grid=vae:seed=1;seed=2", "it has seed twice"),
        ("--grid=vaes:seed=1", "unknown objective 'vaes'; did you mean vae"),
        ("--grid=vae:=1", "unknown setting of the grid ''"),
        ("--grid=vae:critic_steps=1", "--critic_steps is a setting of objective wgan_gp, wpagan, not of vae"),
        ("--grid=dcgan:objective=vae", "objective=... and settings of a system exclude each other"),
        ("--grid=objective=dcgan;vae:seed=1", "objective=... and settings of a system exclude each other"),
        ("--grid=channels=8,12", "--channels=12 is not legal"),
        ("--grid=critic_steps=1,2", "--critic_steps is a setting of objective wgan_gp, wpagan, not of pagan"),
        ("--grid=learning_rate=1,2 --learning_rate=1", "--learning_rate is in the grid too; give it once"),
        ("--grid=code_layers=512,256", "code_layers cannot be in a grid: its values have commas"),
        ("--grid=disc_augmentation=none,color,translation", "disc_augmentation cannot be in a grid: its values have commas"),
        ("--grid=seed=1,2 --by=channels", "--by=channels is not legal: it must be one of seed"),
        ("--grid=seed=1,2 --jobs=-1", "--jobs=-1 is not legal: it must be at least 1"),
        ("--grid=seed=1,2 --cluster=ray://head", "--cluster=ray://head is not legal: it must be ray or ray://HOST:PORT"),
        ("--grid=seed=1,2 --asha=rmse", "--asha=rmse is not legal with --protocol=quick5k: it must be one of IS, FID"),
        ("--grid=seed=1,2 --asha=critic", "--asha=critic is not legal with --protocol=quick5k: it must be one of IS, FID"),
        ("--grid=seed=1,2 --preset=x", "unknown preset 'x'; known: age_celeb_a"),
        ("--grid=seed=1,2 --protocol=x", "unknown protocol 'x'; known: custom, is50k"),
    ],
    ("bench", ()): [
        ("--channels=9", "--channels has 1 numbers and --batch_sizes 2; they go in pairs"),
        ("--rounds=0", "--rounds=0 is not legal: it must be at least 1"),
    ],
    ("bench_eval", ()): [("--images=0", "it must be whole hundreds of images, at least 100")],
    ("bench_serve", LOAD): [
        ("--clients=0", "--clients=0 is not legal: it must be at least 1 and at most 10000"),
        ("--requests=0", "--requests=0 is not legal: it must be at least 1 and at most 10000"),
        ("--url=localhost:8501", "it must be as http://localhost:8501/v1/models/mnist"),
        ("--url=ftp://localhost/v1/models/x", "it must be as http://localhost:8501/v1/models/mnist"),
    ],
}
EACH = [(command, f"{' '.join(base)} {flags}", said) for (command, base), rows in MISTAKES.items() for flags, said in rows]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the mistakes are made with; the comment on HERE lists it."""
    here = tmp_path_factory.mktemp("mistakes")
    for folder in ("images", "empty", "words"):
        (here / folder).mkdir()
    for i, picture in enumerate(tiny.images(12, (8, 8, 3))):
        (here / f"images/{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    for file in ("text", "words/a.txt", "words/a.png"):
        (here / file).write_text("no picture\n")
    (here / "flags").write_text("--channels=16\n--pair=height\n")
    np.savez(here / "arrays.npz", x=np.zeros([3, 4]))
    np.savez(here / "statistics.npz", mu=np.zeros(4), sigma=np.eye(4))
    np.save(here / "array.npy", np.zeros([3, 4]))
    tiny.write_run(here / "run", (8, 8, 3), dataset=f"folder:{here}/images", cache_dir=f"{here}/cache")
    exports.publish(restore.restored(here / "run"), here / "run/export")
    return here


def contents(here: Path) -> dict[str, bytes]:
    """Of every file, but for the cache of decoded images and what a refused run may leave behind."""
    files = [path for path in here.rglob("*") if path.is_file()]
    kept = [path for path in files if not {"cache", "new"} & set(path.relative_to(here).parts[:1])]
    return {str(path): path.read_bytes() for path in kept}


@pytest.mark.parametrize(("command", "flags", "said"), EACH)
def test_a_mistake_is_one_line_and_nothing_is_lost(
    command: str, flags: str, said: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    before = contents(here)
    places = [f"--data_dir={here}/tfds", f"--cache_dir={here}/cache"] if command.startswith("train") else []
    assert cli.run(command, [*places, *flags.replace("HERE", str(here)).split()]) == 1
    printed = capsys.readouterr()
    lines = printed.err.replace(str(here), "HERE").strip().splitlines()
    errors = [line for line in lines if ": error: " in line]
    assert errors == lines[-1:]
    assert lines[-1].startswith(f"{command}: error: ")
    assert said in lines[-1]
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert contents(here) == before
    assert not (here / "new/ckpt").exists()


def test_every_command_has_mistakes_in_the_table() -> None:
    assert {command for command, _ in MISTAKES} == set(cli.COMMANDS)
    assert len(EACH) > 300
