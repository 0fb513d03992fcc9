// Command broker is a Kafka broker for measurements: kfake, in a process of its own, so that what it keeps isn't counted as a
// server's memory. It has one topic, keeps everything in memory, and is gone when it ends, on SIGTERM.
//
// As many connections may be open as the system allows: Go raises the limit itself when a program starts.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	topic := flag.String("topic", "statusNew", "the topic")
	partitions := flag.Int("partitions", 3, "its partitions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(int32(*partitions), *topic))
	if err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
	defer cluster.Close()
	fmt.Println(cluster.ListenAddrs()[0])
	<-ctx.Done()
}
