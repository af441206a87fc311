"""Google's official Python client against `rsdbt pubsub serve`.

Usage: conformance.py BINARY
Each check is a function; the list at the end runs all of them and prints one line each.
"""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher import PublisherClient as Generated

PROJECT = "conformance"


class Server:
    """The broker as a process, on a port and a folder that survive a restart."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None
        os.environ["PUBSUB_EMULATOR_HOST"] = f"127.0.0.1:{self.port}"

    def start(self):
        command = [self.binary, "pubsub", "serve", "--port", str(self.port), "--data-dir", self.folder.name]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("the broker did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=10) == 0


class World:
    """Clients, and names that no other check uses."""

    def __init__(self):
        self.publisher = pubsub_v1.PublisherClient(
            publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        )
        self.subscriber = pubsub_v1.SubscriberClient()
        self.count = 0

    def name(self, kind):
        self.count += 1
        return f"projects/{PROJECT}/{kind}/name-{self.count}"

    def topic(self, **settings):
        name = self.name("topics")
        self.publisher.create_topic(request={"name": name, **settings})
        return name

    def subscription(self, topic, **settings):
        name = self.name("subscriptions")
        self.subscriber.create_subscription(request={"name": name, "topic": topic, **settings})
        return name

    def pair(self, **settings):
        topic = self.topic()
        return topic, self.subscription(topic, **settings)

    def publish(self, topic, *texts, **attributes):
        return [self.publisher.publish(topic, text.encode(), **attributes).result(timeout=10) for text in texts]

    def pull(self, subscription, most=10, timeout=8.0):
        request = {"subscription": subscription, "max_messages": most}
        try:
            return list(self.subscriber.pull(request=request, timeout=timeout, retry=None).received_messages)
        except exceptions.DeadlineExceeded:
            return []

    def soon(self, subscription):
        """Messages that can be delivered at this moment."""
        request = {"subscription": subscription, "max_messages": 100, "return_immediately": True}
        return list(self.subscriber.pull(request=request, retry=None).received_messages)

    def ack(self, subscription, *messages):
        self.subscriber.acknowledge(request={"subscription": subscription, "ack_ids": [m.ack_id for m in messages]})


def texts(messages):
    return [m.message.data.decode() for m in messages]


def refused(error, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def create_publish_pull_ack(world, _):
    topic, subscription = world.pair()
    ids = world.publish(topic, "one", "two")
    assert len(set(ids)) == 2
    got = world.pull(subscription)
    assert texts(got) == ["one", "two"], texts(got)
    assert [m.message.message_id for m in got] == ids
    world.ack(subscription, *got)
    assert world.soon(subscription) == []


def duplicate_create_is_already_exists(world, _):
    topic, subscription = world.pair()
    refused(exceptions.AlreadyExists, world.publisher.create_topic, request={"name": topic})
    again = {"name": subscription, "topic": topic}
    refused(exceptions.AlreadyExists, world.subscriber.create_subscription, request=again)


def unknown_names_are_not_found(world, _):
    refused(exceptions.NotFound, world.publisher.get_topic, request={"topic": world.name("topics")})
    refused(exceptions.NotFound, world.subscriber.pull, request={"subscription": world.name("subscriptions"), "max_messages": 1})
    refused(exceptions.NotFound, world.publisher.publish(world.name("topics"), b"x").result, timeout=5)
    no_topic = {"name": world.name("subscriptions"), "topic": world.name("topics")}
    refused(exceptions.NotFound, world.subscriber.create_subscription, request=no_topic)


def publish_time_and_attributes(world, _):
    topic, subscription = world.pair()
    world.publish(topic, "x", colour="red")
    message = world.pull(subscription)[0].message
    assert abs(message.publish_time.timestamp() - time.time()) < 5
    assert dict(message.attributes) == {"colour": "red"}


def redelivery_after_the_deadline(world, _):
    topic, subscription = world.pair(ack_deadline_seconds=10)
    world.publish(topic, "x")
    first = world.pull(subscription)
    begun = time.time()
    assert world.soon(subscription) == []
    again = world.pull(subscription, timeout=5) or world.pull(subscription, timeout=8)
    waited = time.time() - begun
    assert texts(again) == ["x"] and 9 < waited < 12, waited
    assert again[0].ack_id != first[0].ack_id


def nack_is_immediate(world, _):
    topic, subscription = world.pair()
    world.publish(topic, "x")
    first = world.pull(subscription)
    request = {"subscription": subscription, "ack_ids": [first[0].ack_id], "ack_deadline_seconds": 0}
    world.subscriber.modify_ack_deadline(request=request)
    begun = time.time()
    assert texts(world.pull(subscription)) == ["x"]
    assert time.time() - begun < 1


def modack_extends(world, _):
    topic, subscription = world.pair(ack_deadline_seconds=10)
    world.publish(topic, "x")
    first = world.pull(subscription)
    request = {"subscription": subscription, "ack_ids": [first[0].ack_id], "ack_deadline_seconds": 14}
    world.subscriber.modify_ack_deadline(request=request)
    time.sleep(11.5)
    assert world.soon(subscription) == []
    time.sleep(3)
    assert texts(world.soon(subscription)) == ["x"]


def streaming_pull_and_ack(world, _):
    topic, subscription = world.pair()
    wanted = {f"m{i}" for i in range(2_000)}
    futures = [world.publisher.publish(topic, text.encode()) for text in sorted(wanted)]
    concurrent.futures.wait(futures, timeout=30)
    got, done = [], threading.Event()

    def receive(message):
        got.append(message.data.decode())
        message.ack()
        if len(got) >= len(wanted):
            done.set()

    stream = world.subscriber.subscribe(subscription, receive)
    assert done.wait(30), len(got)
    time.sleep(1)
    stream.cancel()
    stream.result(timeout=10)
    assert set(got) == wanted and len(got) == len(wanted), len(got)
    assert world.soon(subscription) == []


def a_cancelled_stream_gives_back(world, _):
    topic, subscription = world.pair(ack_deadline_seconds=10)
    world.publish(topic, "held")
    seen = threading.Event()
    stream = world.subscriber.subscribe(subscription, lambda message: seen.set())
    assert seen.wait(10)
    stream.cancel()
    stream.result(timeout=10)
    begun = time.time()
    got = []
    # The client's own leases are at least a minute for slow receivers unless it nacks on shutdown.
    while not got and time.time() - begun < 70:
        got = world.pull(subscription, timeout=6)
    assert texts(got) == ["held"]


def flow_control_holds_back(world, _):
    topic, subscription = world.pair()
    world.publish(topic, *[f"m{i}" for i in range(20)])
    held, lock = [], threading.Lock()

    def hold(message):
        with lock:
            held.append(message)

    limits = pubsub_v1.types.FlowControl(max_messages=5)
    stream = world.subscriber.subscribe(subscription, hold, flow_control=limits)
    time.sleep(2)
    assert len(held) == 5, len(held)
    with lock:
        for message in held:
            message.ack()
    time.sleep(2)
    assert len(held) == 10, len(held)
    stream.cancel()
    stream.result(timeout=10)


def ordering_keys(world, _):
    topic, subscription = world.pair(enable_message_ordering=True)
    keys = ["a", "b", "c"]
    for i in range(100):
        for key in keys:
            world.publisher.publish(topic, f"{key}{i}".encode(), ordering_key=key)
    got = {key: [] for key in keys}
    done = threading.Event()

    def receive(message):
        got[message.ordering_key].append(message.data.decode())
        message.ack()
        if sum(map(len, got.values())) >= 300:
            done.set()

    stream = world.subscriber.subscribe(subscription, receive)
    assert done.wait(30), got
    stream.cancel()
    stream.result(timeout=10)
    for key in keys:
        assert got[key] == [f"{key}{i}" for i in range(100)]


def exactly_once_rejects_late_acks(world, _):
    topic, subscription = world.pair(ack_deadline_seconds=10, enable_exactly_once_delivery=True)
    described = world.subscriber.get_subscription(request={"subscription": subscription})
    assert described.enable_exactly_once_delivery
    world.publish(topic, "x")
    first = world.pull(subscription)
    time.sleep(10.5)
    refused(exceptions.FailedPrecondition, world.ack, subscription, *first)
    second = world.pull(subscription)
    assert texts(second) == ["x"]
    world.ack(subscription, *second)
    assert world.soon(subscription) == []


def exactly_once_confirms_acks(world, _):
    topic, subscription = world.pair(enable_exactly_once_delivery=True)
    world.publish(topic, *[f"m{i}" for i in range(50)])
    answers = []
    stream = world.subscriber.subscribe(subscription, lambda message: answers.append(message.ack_with_response()))
    until = time.time() + 20
    while len(answers) < 50 and time.time() < until:
        time.sleep(0.1)
    assert [answer.result(timeout=10) for answer in answers] == [
        pubsub_v1.subscriber.exceptions.AcknowledgeStatus.SUCCESS
    ] * 50
    stream.cancel()
    stream.result(timeout=10)


def filters(world, _):
    topic, subscription = world.pair(filter='attributes.colour = "red" AND hasPrefix(attributes.size, "x")')
    world.publish(topic, "no", colour="red", size="m")
    world.publish(topic, "yes", colour="red", size="xl")
    world.publish(topic, "neither", colour="blue")
    assert texts(world.pull(subscription)) == ["yes"]
    bad = {"name": world.name("subscriptions"), "topic": topic, "filter": "colour = red"}
    refused(exceptions.InvalidArgument, world.subscriber.create_subscription, request=bad)


def dead_letters(world, _):
    dead = world.topic()
    letters = world.subscription(dead)
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    topic, subscription = world.pair(dead_letter_policy=policy)
    world.publish(topic, "poison")
    for attempt in range(1, 6):
        got = world.pull(subscription)
        assert got[0].delivery_attempt == attempt, got
        request = {"subscription": subscription, "ack_ids": [got[0].ack_id], "ack_deadline_seconds": 0}
        world.subscriber.modify_ack_deadline(request=request)
    letter = world.pull(letters)[0].message
    assert letter.data == b"poison"
    assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert world.soon(subscription) == []


def retry_policy_backs_off(world, _):
    backoff = {"minimum_backoff": duration_pb2.Duration(seconds=2), "maximum_backoff": duration_pb2.Duration(seconds=5)}
    topic, subscription = world.pair(retry_policy=backoff)
    world.publish(topic, "x")
    got = world.pull(subscription)
    request = {"subscription": subscription, "ack_ids": [got[0].ack_id], "ack_deadline_seconds": 0}
    world.subscriber.modify_ack_deadline(request=request)
    assert world.soon(subscription) == []
    begun = time.time()
    assert texts(world.pull(subscription)) == ["x"]
    assert 1.5 < time.time() - begun < 4


def seek_to_time(world, _):
    topic, subscription = world.pair(retain_acked_messages=True)
    world.publish(topic, "before")
    time.sleep(0.2)
    middle = timestamp_pb2.Timestamp()
    middle.FromNanoseconds(time.time_ns())
    time.sleep(0.2)
    world.publish(topic, "after")
    world.ack(subscription, *world.pull(subscription))
    assert world.soon(subscription) == []
    world.subscriber.seek(request={"subscription": subscription, "time": middle})
    assert texts(world.pull(subscription)) == ["after"]


def seek_to_the_future_purges(world, _):
    topic, subscription = world.pair()
    world.publish(topic, "x")
    future = timestamp_pb2.Timestamp(seconds=int(time.time()) + 3_600)
    world.subscriber.seek(request={"subscription": subscription, "time": future})
    assert world.soon(subscription) == []


def snapshot_and_seek(world, _):
    topic, subscription = world.pair()
    world.publish(topic, "done", "open")
    got = world.pull(subscription, most=1)
    world.ack(subscription, *got)
    snapshot = world.name("snapshots")
    world.subscriber.create_snapshot(request={"name": snapshot, "subscription": subscription})
    world.publish(topic, "later")
    rest = world.pull(subscription)
    assert texts(rest) == ["open", "later"]
    world.ack(subscription, *rest)
    world.subscriber.seek(request={"subscription": subscription, "snapshot": snapshot})
    assert texts(world.pull(subscription)) == ["open", "later"]
    world.subscriber.delete_snapshot(request={"snapshot": snapshot})
    refused(exceptions.NotFound, world.subscriber.get_snapshot, request={"snapshot": snapshot})


def detach(world, _):
    topic, subscription = world.pair()
    world.publisher.detach_subscription(request={"subscription": subscription})
    refused(exceptions.FailedPrecondition, world.pull, subscription)
    assert list(world.publisher.list_topic_subscriptions(request={"topic": topic})) == []
    assert world.subscriber.get_subscription(request={"subscription": subscription}).detached


def update_and_list(world, _):
    topic, subscription = world.pair()
    change = types.Subscription(name=subscription, ack_deadline_seconds=77)
    mask = field_mask_pb2.FieldMask(paths=["ack_deadline_seconds"])
    world.subscriber.update_subscription(request={"subscription": change, "update_mask": mask})
    assert world.subscriber.get_subscription(request={"subscription": subscription}).ack_deadline_seconds == 77
    bad = field_mask_pb2.FieldMask(paths=["filter"])
    refused(exceptions.InvalidArgument, world.subscriber.update_subscription, request={"subscription": change, "update_mask": bad})
    pages = world.publisher.list_topics(request={"project": f"projects/{PROJECT}", "page_size": 3})
    assert topic in [found.name for found in pages]
    assert list(world.publisher.list_topic_subscriptions(request={"topic": topic})) == [subscription]


def a_deleted_topic_leaves_its_subscription(world, _):
    topic, subscription = world.pair()
    world.publish(topic, "x")
    world.publisher.delete_topic(request={"topic": topic})
    assert world.subscriber.get_subscription(request={"subscription": subscription}).topic == "_deleted-topic_"
    assert texts(world.pull(subscription)) == ["x"]
    refused(exceptions.NotFound, world.publisher.publish(topic, b"x").result, timeout=5)


def size_limits(world, _):
    topic, subscription = world.pair()

    def raw(**arguments):
        """Past the client's own batching and its own limits."""
        return Generated.publish(world.publisher, **arguments)

    too_big = [types.PubsubMessage(data=b"x" * 11_000_000)]
    refused(exceptions.InvalidArgument, raw, request={"topic": topic, "messages": too_big}, retry=None)
    too_many = [types.PubsubMessage(data=b"x")] * 1_001
    refused(exceptions.InvalidArgument, raw, request={"topic": topic, "messages": too_many}, retry=None)
    empty = [types.PubsubMessage()]
    refused(exceptions.InvalidArgument, raw, request={"topic": topic, "messages": empty}, retry=None)
    # The client's emulator channel receives 4 MiB at most, so what is pulled stays below.
    large = [types.PubsubMessage(data=b"x" * 4_000_000)]
    raw(request={"topic": topic, "messages": large}, retry=None)
    assert len(world.pull(subscription)[0].message.data) == 4_000_000
    raw(request={"topic": world.topic(), "messages": [types.PubsubMessage(data=b"x" * 9_999_000)]}, retry=None)
    many = [types.PubsubMessage(data=b"x" * 50_000)] * 190
    raw(request={"topic": topic, "messages": many}, retry=None)
    got, until = 0, time.time() + 10
    while got < 190 and time.time() < until:
        got += len(world.pull(subscription, most=1_000))
    assert got == 190, got


def bad_names_and_arguments(world, _):
    refused(exceptions.InvalidArgument, world.publisher.create_topic, request={"name": f"projects/{PROJECT}/topics/1x"})
    topic, subscription = world.pair()
    short = {"name": world.name("subscriptions"), "topic": topic, "ack_deadline_seconds": 5}
    refused(exceptions.InvalidArgument, world.subscriber.create_subscription, request=short)
    refused(exceptions.InvalidArgument, world.subscriber.pull, request={"subscription": subscription, "max_messages": 0})
    bad_ack = {"subscription": subscription, "ack_ids": ["nonsense"]}
    refused(exceptions.InvalidArgument, world.subscriber.acknowledge, request=bad_ack)


def rest_on_the_same_port(world, server):
    base = f"http://127.0.0.1:{server.port}/v1/"
    topic, subscription = world.name("topics"), world.name("subscriptions")

    def call(method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(base + path, data=data, method=method, headers={"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    assert call("PUT", f"{topic}?$alt=json;enum-encoding=int", {}) == {"name": topic}
    created = call("PUT", f"{subscription}?$alt=json;enum-encoding=int", {"topic": topic, "ackDeadlineSeconds": 20})
    assert created["ackDeadlineSeconds"] == 20 and created["state"] == 1, created
    sent = call("POST", f"{topic}:publish", {"messages": [{"data": "aGk=", "attributes": {"k": "v"}}]})
    got = call("POST", f"{subscription}:pull", {"maxMessages": 5})["receivedMessages"]
    assert got[0]["message"]["data"] == "aGk=" and got[0]["message"]["messageId"] == sent["messageIds"][0]
    assert call("POST", f"{subscription}:acknowledge", {"ackIds": [got[0]["ackId"]]}) == {}
    assert topic in [found["name"] for found in call("GET", f"projects/{PROJECT}/topics?pageSize=1000")["topics"]]
    mask = {"subscription": {"ackDeadlineSeconds": 33}, "updateMask": "ackDeadlineSeconds"}
    assert call("PATCH", subscription, mask)["ackDeadlineSeconds"] == 33
    assert call("GET", f"{topic}/subscriptions")["subscriptions"] == [subscription]
    for method, path, code, status in [
        ("PUT", topic, 409, "ALREADY_EXISTS"),
        ("GET", world.name("topics"), 404, "NOT_FOUND"),
        ("POST", f"{topic}:nothing", 501, "UNIMPLEMENTED"),
    ]:
        try:
            call(method, path, {} if method != "GET" else None)
            raise AssertionError(f"{method} {path} was not refused")
        except urllib.error.HTTPError as error:
            assert error.code == code, error.code
            assert json.loads(error.read())["error"]["status"] == status
    assert call("DELETE", subscription) == {}


def restart_in_the_middle(world, server):
    topic, subscription = world.pair(enable_message_ordering=True, ack_deadline_seconds=60)
    first = [world.publisher.publish(topic, f"m{i:04}".encode(), ordering_key="k") for i in range(500)]
    confirmed = [future.result(timeout=10) for future in first]
    got = world.pull(subscription, most=200)
    world.ack(subscription, *got)
    server.kill()
    server.start()
    world.publish(topic, "last", ordering_key="k")
    seen, until = texts(got), time.time() + 30
    while len(seen) < 501 and time.time() < until:
        more = world.pull(subscription, most=1_000, timeout=6)
        world.ack(subscription, *more)
        seen += texts(more)
    assert len(confirmed) == 500
    assert seen == [f"m{i:04}" for i in range(500)] + ["last"], len(seen)
    server.stop()
    server.start()
    assert world.soon(subscription) == []


CHECKS = [
    create_publish_pull_ack,
    duplicate_create_is_already_exists,
    unknown_names_are_not_found,
    publish_time_and_attributes,
    redelivery_after_the_deadline,
    nack_is_immediate,
    modack_extends,
    streaming_pull_and_ack,
    a_cancelled_stream_gives_back,
    flow_control_holds_back,
    ordering_keys,
    exactly_once_rejects_late_acks,
    exactly_once_confirms_acks,
    filters,
    dead_letters,
    retry_policy_backs_off,
    seek_to_time,
    seek_to_the_future_purges,
    snapshot_and_seek,
    detach,
    update_and_list,
    a_deleted_topic_leaves_its_subscription,
    size_limits,
    bad_names_and_arguments,
    rest_on_the_same_port,
    restart_in_the_middle,
]


def main():
    server = Server(sys.argv[1])
    server.start()
    world, failed = World(), 0
    wanted = sys.argv[2:]
    ran = [check for check in CHECKS if not wanted or check.__name__ in wanted]
    for check in ran:
        begun = time.time()
        try:
            check(world, server)
            verdict = "ok"
        except Exception as why:  # every check reports, whatever happened before it
            failed += 1
            verdict = f"FAILED: {type(why).__name__}: {why}"
        print(f"{check.__name__:45} {time.time() - begun:6.1f} s  {verdict}", flush=True)
    server.process.kill()
    print(f"{len(ran) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
