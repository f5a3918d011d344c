package tidemill.contract;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Asks a schema registry for schemas by the interface that Confluent's has and others share. What it answered is known to
 * all functions of a job on a machine as long as that job runs there, also that it has no such schema: two functions that
 * see a record say the same of it. Where it gives no answer it is asked again each second; after a minute the job fails,
 * and goes on from its checkpoint by its restart strategy. No record is passed over.
 */
final class Registry {
  /** USER:PASSWORD of the registry, in the environment of the TaskManagers: no secret stands in a job's text. */
  static final String USER_INFO = "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO";

  private static final int ANSWER_MS = 5_000;
  private static final long AGAIN_MS = 1_000;
  private static final long GIVE_UP_NANOS = 60_000_000_000L;
  private static final int MOST_BYTES = 16 << 20;
  private static final int MOST_REFERENCES = 1_000;
  private static final int MOST_DEPTH = 64;
  private static final Map<String, Registry> KNOWN = new ConcurrentHashMap<>();

  /** One answer: its kind, its text, and the texts that it refers to by name, each before those that use it. */
  record Registered(String kind, String text, Map<String, String> references) {}

  /** No answer came. */
  private static final class Away extends IOException {
    private static final long serialVersionUID = 1L;

    Away(String why) {
      super(why);
    }
  }

  private final String url;
  private final String user;
  private final Map<String, Optional<Registered>> answers = new ConcurrentHashMap<>();

  private Registry(String url, String user) {
    this.url = url;
    this.user = user;
  }

  /** The registry of this address. */
  static Registry at(String url) {
    return KNOWN.computeIfAbsent(url, address -> new Registry(address, System.getenv(USER_INFO)));
  }

  /** The schema of `ids/N` or `guids/G`; empty if the registry says that it has none. Throws IllegalStateException. */
  synchronized Optional<Registered> find(String schema) {
    Optional<Registered> known = answers.get(schema);
    if (known == null) {
      known = ask(schema);
      answers.put(schema, known);
    }
    return known;
  }

  private Optional<Registered> ask(String schema) {
    long until = System.nanoTime() + GIVE_UP_NANOS;
    while (true) {
      try {
        Map<?, ?> found = get("/schemas/" + schema);
        return found == null ? Optional.empty() : Optional.of(registered(found));
      } catch (IOException away) {
        if (System.nanoTime() - until > 0) {
          throw new IllegalStateException(
              "the schema registry at " + url + " gives no answer to " + schema + ": " + away.getMessage()
                  + "; start it, and the job goes on from its last checkpoint",
              away);
        }
      }
      try {
        Thread.sleep(AGAIN_MS);
      } catch (InterruptedException cancelled) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("cancelled while the schema registry at " + url + " gave no answer", cancelled);
      }
    }
  }

  private Registered registered(Map<?, ?> found) throws IOException {
    Map<String, String> references = new LinkedHashMap<>();
    gather(found, references, 0);
    Object kind = found.get("schemaType");
    boolean told = kind instanceof String text && !text.isEmpty();
    return new Registered(told ? (String) kind : "AVRO", (String) found.get("schema"), references);
  }

  /** The schemas that `found` refers to, each after those that it refers to itself. */
  private void gather(Map<?, ?> found, Map<String, String> references, int depth) throws IOException {
    if (!(found.get("references") instanceof List<?> named)) {
      return;
    }
    for (Object each : named) {
      if (!(each instanceof Map<?, ?> reference)) {
        throw new Away("a schema's references are none");
      }
      String name = String.valueOf(reference.get("name"));
      if (references.containsKey(name) || depth > MOST_DEPTH || references.size() >= MOST_REFERENCES) {
        continue;
      }
      Object subject = reference.get("subject");
      Object version = reference.get("version");
      Map<?, ?> told = get("/subjects/" + escaped(String.valueOf(subject)) + "/versions/" + version);
      if (told == null) {
        throw new Away("it has no version " + version + " of " + subject + ", which a schema refers to");
      }
      gather(told, references, depth + 1);
      references.put(name, (String) told.get("schema"));
    }
  }

  /** The answer, an object with a schema; null if the registry says that there is none. */
  private Map<?, ?> get(String path) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) new URL(url + path).openConnection(Proxy.NO_PROXY);
    try {
      connection.setConnectTimeout(ANSWER_MS);
      connection.setReadTimeout(ANSWER_MS);
      // credentials go to the registry that was named and to no other
      connection.setInstanceFollowRedirects(false);
      connection.setRequestProperty("Accept", "application/vnd.schemaregistry.v1+json, application/json");
      if (user != null && !user.isEmpty()) {
        String encoded = Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
        connection.setRequestProperty("Authorization", "Basic " + encoded);
      }
      int code = connection.getResponseCode();
      Object told = JsonTree.of(body(connection, code));
      if (code == HttpURLConnection.HTTP_NOT_FOUND && saysNotFound(told)) {
        return null;
      }
      if (code == HttpURLConnection.HTTP_UNAUTHORIZED || code == HttpURLConnection.HTTP_FORBIDDEN) {
        throw new Away("it does not let us in (" + code + "); set " + USER_INFO + " for the TaskManagers");
      }
      if (code != HttpURLConnection.HTTP_OK) {
        throw new Away("it answered " + code + " to " + path);
      }
      if (!(told instanceof Map<?, ?> found) || !(found.get("schema") instanceof String)) {
        throw new Away("its answer to " + path + " is no schema; is this the address of its Confluent interface?");
      }
      return found;
    } finally {
      connection.disconnect();
    }
  }

  private static String body(HttpURLConnection connection, int code) throws IOException {
    try (InputStream in = code < HttpURLConnection.HTTP_BAD_REQUEST ? connection.getInputStream() : connection.getErrorStream()) {
      return in == null ? "" : new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
    }
  }

  /** Whether a 404 is the registry's own: a proxy's, or one of another service, is no answer. */
  private static boolean saysNotFound(Object told) {
    return told instanceof Map<?, ?> said && String.valueOf(said.get("error_code")).startsWith("404");
  }

  private static String escaped(String text) {
    StringBuilder found = new StringBuilder();
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      boolean plain = each >= '0' && each <= '9' || each >= 'A' && each <= 'Z' || each >= 'a' && each <= 'z';
      if (plain || "_.-~".indexOf(each) >= 0) {
        found.append((char) each);
      } else {
        found.append(String.format("%%%02X", each & 0xff));
      }
    }
    return found.toString();
  }
}
