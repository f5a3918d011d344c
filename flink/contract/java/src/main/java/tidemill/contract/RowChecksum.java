package tidemill.contract;

import java.nio.charset.StandardCharsets;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * In SQL {@code row_checksum(topic, partition, offset, event_time)}: the hash of an accepted row. Their sum, which wraps
 * as that of BIGINTs does, is the checksum that the ledger of a lake keeps for a range of offsets.
 */
public class RowChecksum extends ScalarFunction {
  private static final long serialVersionUID = 1L;

  private static final long SEED = 0x9E3779B97F4A7C15L;

  private transient String lastTopic;
  private transient int lastPartition;
  private transient long lastName;

  /** The hash of one row. */
  public @DataTypeHint("BIGINT") Long eval(
      String topic,
      @DataTypeHint("INT") Integer partition,
      @DataTypeHint("BIGINT") Long offset,
      @DataTypeHint("BIGINT") Long eventTime) {
    if (!topic.equals(lastTopic) || partition != lastPartition) {
      lastTopic = topic;
      lastPartition = partition;
      lastName = hash((topic + "/" + partition).getBytes(StandardCharsets.UTF_8));
    }
    return mix(mix(offset ^ lastName) ^ eventTime);
  }

  /** The hash of a text, word by word, the last one padded with zeros. */
  static long hash(byte[] text) {
    long state = SEED ^ text.length;
    for (int at = 0; at < text.length; at += 8) {
      long word = 0;
      for (int more = 0; more < 8 && at + more < text.length; more++) {
        word |= (text[at + more] & 0xFFL) << (8 * more);
      }
      state = mix(state ^ word);
    }
    return mix(state);
  }

  private static long mix(long state) {
    long mixed = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }
}
