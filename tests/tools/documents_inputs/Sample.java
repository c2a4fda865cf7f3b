package org.example.made;

import java.util.List;
import java.util.function.Function;

/** A class with a bit of everything. */
@Deprecated
public abstract class Sample<T extends Comparable<T>> implements Runnable, java.io.Serializable {
  private static final long serialVersionUID = 42L;
  public static final String NAME = "Größe – 大きさ 🎵";
  protected double ratio = 2.5;

  public record Point(int x, int y) {}

  public sealed interface Shape permits Round {}

  public static final class Round implements Shape {}

  enum Color { RED, GRÜN }

  @FunctionalInterface
  interface Maker { Object make(); }

  @Override
  public void run() {
    Function<String, Integer> length = String::length;
    for (String each : List.of(NAME)) System.out.println(length.apply(each));
  }

  abstract <E extends Exception> void failing(int count, T... rest) throws E;
}
