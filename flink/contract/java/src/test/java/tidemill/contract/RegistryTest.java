package tidemill.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the registry answers, and what becomes of no answer. */
class RegistryTest {
  private record Answer(int status, String body) {}

  private final Map<String, Answer> answers = new ConcurrentHashMap<>();
  private final List<Answer> troubles = Collections.synchronizedList(new ArrayList<>());
  private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
  private HttpServer server;
  private Registry registry;

  @BeforeEach
  void begin() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", exchange -> {
      String path = exchange.getRequestURI().getRawPath();
      asked.add(path);
      Answer none = new Answer(404, "{\"error_code\": 40403}");
      Answer answer = troubles.isEmpty() ? answers.getOrDefault(path, none) : troubles.remove(0);
      byte[] body = answer.body.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Location", "/elsewhere");
      exchange.sendResponseHeaders(answer.status, body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
    });
    server.start();
    registry = Registry.at("http://127.0.0.1:" + server.getAddress().getPort() + "/api");
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  @Test
  void aSchemaComesWithThoseThatItRefersToAndIsAskedForOnce() {
    answers.put("/api/schemas/ids/7", new Answer(200, "{\"schema\": \"a\", \"references\": ["
        + "{\"name\": \"N\", \"subject\": \"s /\u00e9\", \"version\": 3}]}"));
    answers.put("/api/subjects/s%20%2F%C3%A9/versions/3", new Answer(200, "{\"schema\": \"b\", \"references\": null}"));
    Registry.Registered found = registry.find("ids/7").orElseThrow();
    assertEquals(new Registry.Registered("AVRO", "a", Map.of("N", "b")), found);
    assertSame(found, registry.find("ids/7").orElseThrow());
    assertEquals(List.of("/api/schemas/ids/7", "/api/subjects/s%20%2F%C3%A9/versions/3"), asked);
    assertSame(registry, Registry.at("http://127.0.0.1:" + server.getAddress().getPort() + "/api"));
  }

  @Test
  void thatThereIsNoSchemaIsAnAnswerAndIsKeptToo() {
    assertTrue(registry.find("guids/x").isEmpty());
    answers.put("/api/schemas/guids/x", new Answer(200, "{\"schema\": \"late\", \"schemaType\": \"JSON\"}"));
    assertTrue(registry.find("guids/x").isEmpty());
    assertEquals(1, asked.size());
  }

  @Test
  void whatIsNoAnswerIsAskedForAgain() {
    troubles.add(new Answer(503, ""));
    troubles.add(new Answer(302, ""));
    troubles.add(new Answer(404, "<html>"));
    answers.put("/api/schemas/ids/1", new Answer(200, "{\"schema\": \"a\", \"schemaType\": \"PROTOBUF\"}"));
    assertEquals("PROTOBUF", registry.find("ids/1").orElseThrow().kind());
    assertEquals(Collections.nCopies(4, "/api/schemas/ids/1"), asked);
  }

  @Test
  void aJobThatIsCancelledWaitsNoLonger() throws InterruptedException {
    server.stop(0);
    AtomicReference<Throwable> ended = new AtomicReference<>();
    Thread waiting = new Thread(() -> registry.find("ids/1"));
    waiting.setUncaughtExceptionHandler((thread, error) -> ended.set(error));
    waiting.start();
    waiting.interrupt();
    waiting.join();
    assertTrue(ended.get().getMessage().startsWith("cancelled while the schema registry"), ended.get().toString());
    assertFalse(waiting.isAlive());
  }
}
