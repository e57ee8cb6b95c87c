"""`vigitri model list`, `check`, `sign`, `import`, `attend`, `adapt`: what a line needs of its
models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from detector.cli_support.options import INCOMPLETE, EngineOption, Json, refuse
from detector.profile.line import DEPLOYED_MODEL, ModelChoice
from detector.vision.verifier_card import VerifiedHazard


def add_to(app: typer.Typer) -> None:
    """Give `vigitri model` these commands."""
    app.command("list")(list_models)
    app.command("check")(check)
    app.command("signing-key")(signing_key)
    app.command("sign")(sign)
    app.command("import")(import_)
    app.command("attend")(attend)
    app.command("adapt")(adapt)


def list_models(as_json: Json = False) -> None:
    """The models in the catalogue."""
    from detector.commands.models import list_models

    list_models(as_json=as_json)


def check(
    name: Annotated[str, typer.Argument(help="A model's name or folder.")] = DEPLOYED_MODEL,
    engine: EngineOption = "auto",
    signed_by: Annotated[
        Path | None,
        typer.Option(help="Public key that must have signed it, as a profile's model.signed_by."),
    ] = None,
) -> None:
    """Is this model what its card says: hashes, inputs, outputs, classes."""
    from detector.commands.models import check_model

    check_model(name, ModelChoice(engine=engine, signed_by=signed_by))


def signing_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the key's owner.")],
    folder: Annotated[
        Path, typer.Option("-d", "--folder", help="Folder for the key files.")
    ] = Path(),
) -> None:
    """Generate a pair of keys to sign models with (extra signing)."""
    from detector.commands.signing import make_signing_key

    make_signing_key(name, folder)


def sign(
    name: Annotated[str, typer.Argument(help="A model's name or folder.")],
    key: Annotated[
        Path, typer.Option(help="The secret key, NAME.signing.pem; asks for its passphrase if any.")
    ],
) -> None:
    """Sign a model, so that lines whose profile demands this key accept it (extra signing).

    Refuses a model whose files do not match its card.
    """
    from detector.commands.signing import sign_model

    sign_model(name, key)


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.onnx|FILE.pt",
            help="What you exported; a .pt runs code that is in it, and needs the extra train.",
        ),
    ],
    classes: Annotated[
        list[str],
        typer.Option(
            "--class",
            metavar="NAME=MEANING",
            help="What a class of the file is: NAME=gas, NAME=battery or NAME=harmless; its number "
            "instead of the name also does. For each class.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The folder to write; default: the file's name, here."),
    ] = None,
    *,
    others: Annotated[
        Literal["harmless"] | None, typer.Option(help="What all other classes are.")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(help="Names of the classes in their order, A,B,C; if the file has none."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="An image with a hazard to try it on; `check` then looks for that hazard again."
        ),
    ] = None,
    pixels: Annotated[
        Literal["rgb-1", "bgr-255", "imagenet"] | None,
        typer.Option(
            help="How it was fed in training: RGB 0 to 1, BGR 0 to 255, or RGB normalised as "
            "ImageNet; default: as such files usually are."
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Score from which a hazard counts.")
    ] = 0.25,
) -> None:
    """Make a checked model folder of a detector that you exported.

    Reads YOLOv5 to 26, YOLOX, RT-DETR, RF-DETR and D-FINE, says what it found in the file and what
    it had to assume, and writes both into the card. Ends with `check`.
    """
    from detector.commands.import_model import ImportOptions, import_model
    from detector.vision.imports.class_choice import Choices

    given = [name.strip() for name in names.split(",")] if names else []
    choices = Choices(classes, others == "harmless", given)
    import_model(file, out, ImportOptions(choices, pixels, picture, threshold))


def attend(
    model: Annotated[str, typer.Argument(help="A model with a verifier: its name or folder.")],
    crop: Annotated[Path, typer.Argument(help="Crop of an alert: a square image file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The PNG to write.")],
    *,
    hazard: Annotated[
        VerifiedHazard | None,
        typer.Option(help="gas or battery; default: the more probable of the two."),
    ] = None,
    engine: EngineOption = "auto",
    as_json: Json = False,
) -> None:
    """Show which parts of a crop the verifier's verdict rests on.

    Hides one part after another and colours those without which the hazard is less probable.
    """
    from detector.commands.attend import attend_to

    attend_to(model, crop, out, hazard, ModelChoice(engine=engine), as_json=as_json)


def adapt(
    answers: Annotated[
        Path | None, typer.Option(help="A site's labelled images: YOLO or COCO export.")
    ] = None,
    model: Annotated[str, typer.Option(help="The deployed model.")] = DEPLOYED_MODEL,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="The folder to write; default with --head-only: the model's own."
        ),
    ] = None,
    *,
    head_only: Annotated[
        bool,
        typer.Option(
            "--head-only",
            help="Learn only the verifier's head: in a minute, on the line's own computer.",
        ),
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back the head before the last --head-only.")
    ] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="THEIRS=OURS",
            help="What a class of the export is called here; several times for several classes.",
        ),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Of the scenes, how many are held back.")
    ] = 0.3,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The folder of photographs, cut-outs, belt frames; not with --head-only."
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="What to mix and how long to train; default: models/recipes/adapt.toml; not with "
            "--head-only."
        ),
    ] = None,
    scenes: Annotated[
        int, typer.Option(min=1, help="Held-back scenes to measure on; not with --head-only.")
    ] = 100,
    resume: Annotated[
        bool, typer.Option(help="Go on with an interrupted run; not with --head-only.")
    ] = False,
) -> None:
    """Learn a site's images; deploys nothing that is worse, then exits 1.

    Exits 1 also if a part of the export was left out; each such part is named.

    With --head-only no training tools are needed: operators' answers become a new head of the
    verifier. Without it the detector is fine-tuned, in a checkout with the extra `train`.
    """
    from detector.commands import adapt as adapting

    if undo:
        adapting.undo_head(model)
        return
    if answers is None:
        refuse("--answers: is missing; give the folder of labelled images, or --undo")
    renamed = _renamed(classes or [])
    if head_only:
        if not adapting.adapt_head_only(answers, model, out, share, renamed):
            raise typer.Exit(INCOMPLETE)
        return
    try:
        from models.cli import adapt_detector
    except ModuleNotFoundError as error:
        if error.name not in {"models", "models.cli"}:
            raise
        refuse(
            "models/ is not installed: without --head-only the detector is fine-tuned, in a "
            "checkout with the extra train. Add --head-only to adapt the verifier's head here"
        )
    if data is None or out is None:
        refuse(
            f"{'--data' if data is None else '-o'}: is missing; it is needed without --head-only"
        )
    adapt_detector(
        answers,
        data,
        out,
        model,
        recipe,
        renamed=renamed,
        share=share,
        scenes=scenes,
        resume=resume,
    )


def _renamed(classes: list[str]) -> dict[str, str]:
    renamed = {}
    for pair in classes:
        theirs, equals, ours = (word.strip() for word in pair.rpartition("="))
        if not (theirs and equals and ours):
            refuse(f"--class {pair!r}: is not THEIRS=OURS, such as 'butane 500 g=gas_canister'")
        renamed[theirs] = ours
    return renamed
