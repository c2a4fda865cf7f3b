import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Holds a connection with a ping every 10 s, without a call, and says how often it was lost. */
public final class Keepalive {
  private static final AtomicInteger LOST = new AtomicInteger();

  public static void main(String[] arguments) throws Exception {
    ManagedChannel channel = NettyChannelBuilder.forTarget(arguments[0])
        .usePlaintext()
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveTimeout(5, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .idleTimeout(1, TimeUnit.DAYS)
        .build();
    HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
    health.check(HealthCheckRequest.getDefaultInstance());
    watch(channel, channel.getState(true));
    Thread.sleep(1000L * Integer.parseInt(arguments[1]));
    health.check(HealthCheckRequest.getDefaultInstance());
    System.out.println(LOST.get());
    channel.shutdownNow();
  }

  private static void watch(ManagedChannel channel, ConnectivityState state) {
    channel.notifyWhenStateChanged(state, () -> {
      if (state == ConnectivityState.READY) {
        LOST.incrementAndGet();
      }
      watch(channel, channel.getState(true));
    });
  }
}
