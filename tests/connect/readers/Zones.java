// What JDBC makes of windows in the night when clocks change, and of the lake.
import java.sql.DriverManager;
import java.time.LocalDateTime;

public class Zones {
    public static void main(String[] arguments) throws Exception {
        var night = "SELECT w FROM (VALUES (TIMESTAMP '2026-03-29 02:30'), (TIMESTAMP '2026-03-29 03:30')) night(w)";
        try (var connection = DriverManager.getConnection("jdbc:duckdb:"); var statement = connection.createStatement()) {
            statement.execute("INSTALL ducklake");
            statement.execute("ATTACH 'ducklake:sqlite:" + arguments[0] + "/catalog.sqlite' AS lake (READ_ONLY)");
            var counted = statement.executeQuery("SELECT count(*) FROM lake.events");
            counted.next();
            System.out.println(counted.getLong(1));
            var rows = statement.executeQuery(night);
            while (rows.next()) {
                System.out.println(rows.getObject(1, LocalDateTime.class) + " " + rows.getTimestamp(1).getTime()
                    + " " + rows.getString(1));
            }
        }
    }
}
