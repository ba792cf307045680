"""What looks like a secret is left out of what a run keeps; words of configs and code stay."""

from __future__ import annotations

import time

import pytest

from nnrun.runs.secrets import arguments_without_secrets, is_secret_file, without_secrets

#: Not real, and made of parts, so that no scanner of repositories takes them for real ones.
GITHUB, AWS, OPENAI = "ghp_" + "a1B2" * 9, "AKIA" + "ABCD1234" * 2, "sk-" + "abc123" * 6
JWT = "eyJ" + "abcdefghijk" + ".eyJ" + "bcdefghijklm" + ".c2lnbmF0dXJl"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: hunter2!", "hunter2!"),
        ('DB_PASSWORD="correct horse"', "correct horse"),
        ("export MY_SECRET=abcdef12", "abcdef12"),
        ("apiKey: 'a b c d e f'", "a b c d"),
        ('"api-key": "0123456789"', "0123456789"),
        ("Authorization: Bearer abcdefgh", "abcdefgh"),
        ("headers: {Authorization: Basic QWxhZGRpbg==}", "QWxhZGRpbg"),
        ('token = "abcdefgh"', "abcdefgh"),
        ("TOKEN: 0123456789abcdef0", "0123456789abcdef0"),
        ("url: postgres://me:pw@host/db", "pw"),
        ("https://host/x?token=abcdef&b=1", "abcdef"),
        ("https://bucket/x?X-Amz-Signature=0a1b2c3d", "0a1b2c3d"),
        (f"a {GITHUB} b", GITHUB),
        (f"id={AWS}", AWS),
        (f"openai {OPENAI}", OPENAI),
        (f"cookie {JWT}", JWT),
        (f"x = '{KEY}'", "MIIabc"),
        (KEY[:40], "MIIab"),
        ("client_secret=zzzzzz", "zzzzzz"),
        ("aws_secret_access_key = abcd/efg+h", "abcd/efg+h"),
        ("passphrase: 'open sesame'", "open sesame"),
    ],
)
def test_a_secret_is_left_out(text: str, secret: str) -> None:
    """The value is replaced, its name stays, and it is counted."""
    kept, count = without_secrets(text)
    assert secret not in kept
    assert "[left out]" in kept
    assert count == 1


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 20000",
        "tokens: characters",
        "token: word",
        "token = tokenizer.next_token(text)",
        "api_key = os.environ['API_KEY']",
        "password = getpass.getpass()",
        "monitor: val_loss",
        "secret_layers = []",
        "ssh://git@example.org/x.git",
        "https://example.org/a?page=2",
        "def authorization(request):",
        "tokenizer: {lower: true}",
        "learning_rate: 0.001",
        "git commit 0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_words_of_configs_and_code_stay(text: str) -> None:
    """Neither words of text models, nor calls, nor digests are taken for secrets."""
    assert without_secrets(text) == (text, 0)


def test_the_value_of_a_secret_variable_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the environment whose name is that of a secret stands nowhere, whatever surrounds its value."""
    monkeypatch.setenv("WANDB_API_KEY", "plainwords")
    monkeypatch.setenv("MY_TOKEN", "plainwordsandmore")
    monkeypatch.setenv("HOME_TOKENS", "otherwords")
    monkeypatch.setenv("SHORT_SECRET", "abc")
    text = "a plainwords b plainwordsandmore c otherwords abc"
    assert without_secrets(text) == ("a [left out] b [left out] c otherwords abc", 2)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["nnrun", "train", "a.yaml", "--set", "training.epochs=2"], None),
        (["nnrun", "--set", "x.password=1"], ["nnrun", "--set", "x.password=[left out]"]),
        (["nnrun", "--set=a.token=b"], ["nnrun", "--set=a.token=[left out]"]),
        (["nnrun", "--api-key", "k", "x"], ["nnrun", "--api-key", "[left out]", "x"]),
        (["nnrun", "--api-key=k", "x"], ["nnrun", "--api-key=[left out]", "x"]),
        (["nnrun", "https://u:pw@host/"], ["nnrun", "https://[left out]@host/"]),
        (["nnrun", "--set", "a={Authorization: Bearer abcdef}"], ["nnrun", "--set", "a={Authorization: [left out]}"]),
        (["nnrun", "--set", "data.text.tokens=words"], None),
    ],
)
def test_a_command_line_is_kept_without_secrets(words: list[str], kept: list[str] | None) -> None:
    """Values of options and keys with the name of a secret are replaced; everything else stays as typed."""
    assert arguments_without_secrets(words) == (kept or words)


def test_files_of_secrets_are_known_by_their_names() -> None:
    """Files of environments, keys, passwords and logins, in any folder and case."""
    secret = [".env", "a/.env.local", "x.PEM", "id_ed25519", "deploy.key", ".aws/config", "b/.ssh/x", "my_secrets.yaml"]
    assert [name for name in secret if not is_secret_file(name)] == []
    plain = ["a.py", "environment.py", "config.yaml", "keys.py", "tokenizer.py", "monkey.csv", "aws/config"]
    assert [name for name in plain if is_secret_file(name)] == []


@pytest.mark.parametrize(
    "piece", ["a", "token", "password", "://", "-----BEGIN PRIVATE KEY-----", "eyJ", "x:", "='", "1."]
)
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    """A text made to be slow to search is searched in a moment."""
    text = piece * (256 * 1024 // len(piece))
    started = time.process_time()
    without_secrets(text)
    assert time.process_time() - started < 5
