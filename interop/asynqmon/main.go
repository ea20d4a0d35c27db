// asynqmon on a free port of the loopback interface, with Asynq's exporter of metrics.
//
// Its one argument is the Redis, `host:port`, or `host:port,host:port…` for the nodes of a cluster. It writes its
// URL as one line to standard output, and exits when its standard input ends.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynq/x/metrics"
	"github.com/hibiken/asynqmon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func connection(address string) asynq.RedisConnOpt {
	if strings.Contains(address, ",") {
		return asynq.RedisClusterClientOpt{Addrs: strings.Split(address, ",")}
	}
	return asynq.RedisClientOpt{Addr: address}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: asynqmon host:port[,host:port…]")
		os.Exit(2)
	}
	redis := connection(os.Args[1])
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.NewQueueMetricsCollector(asynq.NewInspector(redis)))
	mux := http.NewServeMux()
	mux.Handle("/", asynqmon.New(asynqmon.Options{RedisConnOpt: redis}))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, mux))
}
