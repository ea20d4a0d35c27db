// The Go side of the benchmark: runs jobs with the asynq library and measures them.
//
// It reads one JSON object per line from standard input and answers each with one line on standard output:
// {"ok": {"seconds": …, "cpuSeconds": …}}, or {"error": "text"}. It exits when its standard input ends.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
)

const taskType = "bench"

// Four attempts, as the other peers.
const maxRetry = 3

// job is one line of input. Kind is enqueue, process or both.
type job struct {
	Kind        string          `json:"kind"`
	Count       int             `json:"count"`
	Concurrency int             `json:"concurrency"`
	Payload     json.RawMessage `json:"payload"`
}

// measured is the answer to a job.
type measured struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSeconds"`
}

// cpuSeconds returns the CPU time of this process so far.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// enqueue keeps j.Concurrency calls in flight, each on a goroutine of its own.
func enqueue(client *asynq.Client, j job) error {
	var next atomic.Int64
	var callers sync.WaitGroup
	failures := make(chan error, j.Concurrency)
	callers.Add(j.Concurrency)
	for range j.Concurrency {
		go func() {
			defer callers.Done()
			for next.Add(1) <= int64(j.Count) {
				task := asynq.NewTask(taskType, j.Payload, asynq.MaxRetry(maxRetry))
				if _, err := client.Enqueue(task); err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	callers.Wait()
	close(failures)
	return <-failures
}

// serve starts a server whose handlers decode the payload. The channel is closed when j.Count tasks have run.
func serve(redis asynq.RedisClientOpt, j job) (*asynq.Server, <-chan struct{}, error) {
	over := make(chan struct{})
	var done atomic.Int64
	server := asynq.NewServer(redis, asynq.Config{Concurrency: j.Concurrency, LogLevel: asynq.ErrorLevel})
	handle := func(_ context.Context, task *asynq.Task) error {
		var payload map[string]any
		if err := json.Unmarshal(task.Payload(), &payload); err != nil {
			return err
		}
		if done.Add(1) == int64(j.Count) {
			close(over)
		}
		return nil
	}
	return server, over, server.Start(asynq.HandlerFunc(handle))
}

// bench holds what the jobs share.
type bench struct {
	redis  asynq.RedisClientOpt
	client *asynq.Client
}

// run does the job. It returns a cleanup function, which is called after the clock has stopped.
func (b *bench) run(j job) (func(), error) {
	nothing := func() {}
	if j.Kind == "enqueue" {
		return nothing, enqueue(b.client, j)
	}
	server, over, err := serve(b.redis, j)
	if err != nil {
		return nothing, err
	}
	if j.Kind == "both" {
		err = enqueue(b.client, j)
	}
	if err == nil {
		<-over
	}
	return server.Shutdown, err
}

// measure runs a job and measures it. It returns nil for an unknown kind.
func (b *bench) measure(j job) (*measured, error) {
	switch j.Kind {
	case "enqueue", "process", "both":
	default:
		return nil, nil
	}
	cpu, began := cpuSeconds(), time.Now()
	cleanUp, err := b.run(j)
	figures := measured{Seconds: time.Since(began).Seconds(), CPUSeconds: cpuSeconds() - cpu}
	cleanUp()
	return &figures, err
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench host:port")
		os.Exit(2)
	}
	redis := asynq.RedisClientOpt{Addr: os.Args[1]}
	b := &bench{redis: redis, client: asynq.NewClient(redis)}
	out := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var j job
		answer := map[string]any{}
		err := json.Unmarshal(lines.Bytes(), &j)
		if err == nil {
			answer["ok"], err = b.measure(j)
		}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if out.Encode(answer) != nil {
			os.Exit(1)
		}
	}
}
