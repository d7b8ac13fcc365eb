"""Places for objects by the names that people give them."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

from outcrop.delivery import stores
from outcrop.delivery.stores import open_store
from outcrop.errors import ConfigurationError, CredentialsError

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "a secret"}


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("write", [str, lambda path: path, lambda path: path.as_uri()])
def test_a_folder_is_named_as_a_path_or_a_url(tmp_path, write):
    folder = tmp_path / "with blank"
    folder.mkdir()
    open_store(write(folder)).put("a/b", b"1")
    assert (folder / "a" / "b").read_bytes() == b"1"


def test_a_bucket_is_a_folder_in_a_folder(tmp_path):
    (tmp_path / "my-bucket").mkdir()
    open_store(tmp_path, bucket="my-bucket").put("a", b"1")
    assert (tmp_path / "my-bucket" / "a").read_bytes() == b"1"


def test_a_folder_that_isnt_there_is_refused_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(ConfigurationError, match=r"isn't there\. Make it: mkdir -p '.*/my-bucket'"):
        open_store(tmp_path, bucket="my-bucket")


def test_a_folder_that_is_made_is_its_owners(tmp_path):
    open_store(tmp_path / "s3", bucket="my-bucket", create=True)
    assert (tmp_path / "s3" / "my-bucket").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["..", "a", "../b", "A-bucket", "a..b", "a/b", "x" * 64, "-ab"])
def test_what_cant_be_a_buckets_name_opens_nothing(tmp_path, name):
    with pytest.raises(ConfigurationError, match="can't be a bucket's name"):
        open_store(tmp_path, bucket=name, create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["../up", "a/../../up"])
def test_no_key_leads_out_of_the_folder(tmp_path, key):
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match=r"\.\."):
        open_store(tmp_path / "in").put(key, b"")
    assert [path.name for path in tmp_path.rglob("*")] == ["in"]


@pytest.mark.parametrize(
    ("place", "bucket", "said"),
    [
        ("gs://bucket", None, "isn't a place for objects"),
        ("s3://bucket", "another", "names a bucket already"),
        ("http://127.0.0.1:9000", None, "names no bucket"),
        ("http://127.0.0.1:9000/path", "bucket", "has a path"),
        ("http://user:secret@127.0.0.1:9000", "bucket", "credentials in it"),
        ("file://elsewhere/folder", None, "isn't a folder"),
    ],
)
def test_what_is_no_place_is_refused(place, bucket, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        open_store(place, bucket=bucket)
    assert "secret" not in str(caught.value)


def test_without_keys_the_mend_is_told(monkeypatch):
    with pytest.raises(CredentialsError, match="No AWS credentials were found"):
        open_store("http://127.0.0.1:9000", bucket="my-bucket")


def test_a_store_shows_no_secret(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    store = open_store("http://127.0.0.1:9000/my-bucket/some/where")
    assert "a secret" not in repr(store)
    assert repr(store) == 'S3Store(bucket="my-bucket", prefix="some/where")'


def test_a_bucket_on_aws_is_called_where_botocore_says(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://my-bucket/logs", region="cn-north-1")
    assert store.config["endpoint"] == "https://s3.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")
    assert open_store("s3://my-bucket").config["endpoint"] == "http://127.0.0.1:9000"


def test_a_store_that_doesnt_answer_is_given_up(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = open_store(url, bucket="my-bucket", timeout=0.5)
        with pytest.raises(Exception, match=r"error sending request|timed out|timeout") as caught:
            store.put("a", b"1")
    assert "\n" not in stores.reason(caught.value)


def test_an_s3_refusal_is_told_in_its_own_words(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    body = b"<Error><Code>NoSuchBucket</Code><Message>It isn't there</Message></Error>"
    head = f"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"

    def answer(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(head.encode() + body)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=[listening], daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(FileNotFoundError) as caught:
            open_store(url, bucket="my-bucket").put("a", b"1")
    assert stores.reason(caught.value) == "NoSuchBucket: It isn't there"


def test_obstore_is_imported_only_when_a_store_is_opened():
    script = """
        import sys
        import outcrop.server.app, outcrop.server.logs, outcrop.delivery.cloudwatch
        assert not {"obstore", "botocore.session", "boto3"} & set(sys.modules)
        sys.modules["obstore"] = None
        from outcrop.delivery.stores import open_store
        try:
            open_store(".")
        except outcrop.ConfigurationError as error:
            print(error)
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip().endswith("pip install 'outcrop[activity]'")


def test_an_object_that_cant_be_written_whole_isnt_there_at_all(tmp_path):
    # A limit of the process on the size of files stands for a disk that is full.
    script = f"""
        import resource
        from outcrop.delivery.stores import open_store, reason
        store = open_store({str(tmp_path)!r})
        store.put("a/old", b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for key in ("a/old", "a/new"):
            try:
                store.put(key, bytes(5000))
            except Exception as error:
                print(reason(error))
    """
    assert resource.RLIMIT_FSIZE is not None
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert told.stdout.count("File too large") == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == {"old": b"old"}


def test_a_folder_shows_an_object_only_when_it_is_whole(tmp_path):
    store = open_store(tmp_path)
    sizes = set()
    done = threading.Event()

    def look():
        while not done.is_set():
            for path in tmp_path.glob("a/*.json.gz"):
                sizes.add(path.stat().st_size)

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(50):
        store.put(f"a/{number}.json.gz", bytes(1_000_000))
    done.set()
    watcher.join()
    assert sizes <= {1_000_000}
    assert len(list(tmp_path.glob("a/*"))) == 50
