#!/bin/sh
# A consumer that assigns itself a partition of a topic that it may not read hears nothing of it: poll() gives neither a
# record nor an error, and error_cb is not called, however long it waits. With subscribe() it is told once; with assign()
# only if a fetch was already going on when the right went: the broker then refuses the fetch. Where the client learns of
# it with its metadata, which lists the topic with no partition, it asks again every second and keeps silent. So whoever
# assigns has to ask for the topic's description from time to time.
#
# Seen with confluent-kafka 2.16.1 (librdkafka 2.16.0) and Apache Kafka 4.3.1, SASL PLAIN, StandardAuthorizer, one record:
#   assign, no right from the start:      nothing in 15 s, no call of error_cb
#   subscribe, no right from the start:   TOPIC_AUTHORIZATION_FAILED once
#   assign, the right goes while it reads: the record, then TOPIC_AUTHORIZATION_FAILED once
# Needs Java 17 and Maven. Exits with 0 while that is so, with 1 once it has changed.
set -eu
folder=$(mktemp -d)
broker=
trap 'test -z "$broker" || kill "$broker" 2>/dev/null || true; rm -rf "$folder"' EXIT
cat >"$folder/pom.xml" <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.1</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.3.1</version></dependency>
  </dependencies>
</project>
XML
(cd "$folder" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$folder/lib")
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check confluent-kafka==2.16.1
free() { "${PYTHON:-python3}" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
plain=$(free) sasl=$(free) control=$(free)
cat >"$folder/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$control
listeners=PLAINTEXT://127.0.0.1:$plain,SASL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$control
advertised.listeners=PLAINTEXT://127.0.0.1:$plain,SASL://127.0.0.1:$sasl
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.name.sasl.sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="reader" ;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
log.dirs=$folder/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
id=$(java -cp "$folder/lib/*" kafka.tools.StorageTool random-uuid 2>/dev/null | tail -n 1)
java -cp "$folder/lib/*" kafka.tools.StorageTool format -t "$id" -c "$folder/server.properties" >"$folder/out" 2>&1
java -Xmx512m -cp "$folder/lib/*" kafka.Kafka "$folder/server.properties" >>"$folder/out" 2>&1 &
broker=$!
"$folder/venv/bin/python" - "127.0.0.1:$plain" "127.0.0.1:$sasl" <<'PYTHON'
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

open_place, guarded_place = sys.argv[1:]
admin = AdminClient({"bootstrap.servers": open_place, "log_level": 0})
admin.list_topics(timeout=60)


def filled(name):
    admin.create_topics([NewTopic(name, 1)])[name].result(60)
    producer = Producer({"bootstrap.servers": open_place})
    producer.produce(name, b"record")
    producer.flush(60)
    return name


def take_the_right(topic):
    """Once somebody has a right on the topic, whoever has none is refused."""
    kind, form = ResourceType.TOPIC, ResourcePatternType.LITERAL
    right = AclBinding(kind, topic, form, "User:other", "*", AclOperation.READ, AclPermissionType.ALLOW)
    admin.create_acls([right])[right].result(60)


def consumer(told):
    return Consumer(
        {
            "bootstrap.servers": guarded_place,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "reader",
            "sasl.password": "reader",
            "group.id": "readers",
            "auto.offset.reset": "earliest",
            "error_cb": lambda error: told.append("error_cb: " + error.name()),
        }
    )


def heard(source, told, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = source.poll(0.2)
        if message is not None:
            told.append(message.error().name() if message.error() else message.value().decode())
    return told


def case(name, begin, before):
    topic, told = filled(name), []
    source = consumer(told)
    if before:
        take_the_right(topic)
        begin(source, topic)
    else:
        begin(source, topic)
        heard(source, told, 5)
        take_the_right(topic)
    heard(source, told)
    source.close()
    print(f"{name}: {told}")
    return told


def assign(source, topic):
    source.assign([TopicPartition(topic, 0, 0)])


def subscribe(source, topic):
    source.subscribe([topic])


seen = [
    case("assign-without", assign, True),
    case("subscribe-without", subscribe, True),
    case("assign-then-without", assign, False),
]
unchanged = seen == [[], ["TOPIC_AUTHORIZATION_FAILED"], ["record", "TOPIC_AUTHORIZATION_FAILED"]]
print("as described" if unchanged else "changed")
sys.exit(0 if unchanged else 1)
PYTHON
