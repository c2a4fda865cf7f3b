// Holds a connection with a ping every 10 s, without a call, and says how often it was lost: go run ./cmd/keepalive HOST:PORT SECONDS
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: keepalive HOST:PORT SECONDS")
	}
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	pings := keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(pings), grpc.WithIdleTimeout(0))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	health := grpc_health_v1.NewHealthClient(connection)
	if _, err := health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
	defer cancel()
	lost, state := 0, connection.GetState()
	for connection.WaitForStateChange(ctx, state) {
		if state == connectivity.Ready {
			lost++
			connection.Connect()
		}
		state = connection.GetState()
	}
	if _, err := health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(lost)
}
