import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;

/** Compiles Call.java in each of the folders, as `javac` does, but without a process for each. */
public class CompileEach {
  public static void main(String[] folders) {
    List<String> failed = new ArrayList<>();
    for (String folder : folders) {
      String[] arguments = {"-Xlint:all", "-Werror", "-d", folder, folder + "/Call.java"};
      if (ToolProvider.getSystemJavaCompiler().run(null, null, null, arguments) != 0) failed.add(folder);
    }
    failed.forEach(System.out::println);
    System.exit(failed.isEmpty() ? 0 : 1);
  }
}
