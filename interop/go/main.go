// The Go side of the interoperation tests: a process that executes calls with the asynq library.
//
// It reads one JSON object per line from standard input and answers each with one line on standard output:
// {"id": 7, "ok": …} or {"id": 7, "error": "text"}. Its servers report events in lines of their own,
// {"event": "started", …}. It exits when its standard input ends.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/hibiken/asynq"
)

// call is one line of input. Do decides which of the other fields are used.
type call struct {
	ID       int          `json:"id"`
	Do       string       `json:"do"`
	Task     taskSpec     `json:"task"`
	Tasks    []taskSpec   `json:"tasks"`
	Server   serverSpec   `json:"server"`
	Inspect  inspectSpec  `json:"inspect"`
	Cron     cronSpec     `json:"cron"`
	Schedule scheduleSpec `json:"schedule"`
	Fleet    fleetSpec    `json:"fleet"`
}

// peer is the state that the calls share.
type peer struct {
	redis     asynq.RedisConnOpt
	client    *asynq.Client
	inspector *asynq.Inspector
	mu        sync.Mutex
	server    *asynq.Server
	scheduler *asynq.Scheduler
}

var (
	out     = json.NewEncoder(os.Stdout)
	outLock sync.Mutex
)

// say writes one line.
func say(line map[string]any) {
	outLock.Lock()
	defer outLock.Unlock()
	if err := out.Encode(line); err != nil {
		os.Exit(1)
	}
}

// answer executes a call and returns its result.
func (p *peer) answer(c call) (any, error) {
	switch c.Do {
	case "enqueue":
		return p.enqueue(c.Task)
	case "enqueueMany":
		return p.enqueueMany(c.Tasks)
	case "serve":
		return nil, p.serve(c.Server)
	case "quiet":
		p.current().Stop()
		return nil, nil
	case "stop":
		p.current().Shutdown()
		return nil, nil
	case "inspect":
		return p.inspect(c.Inspect)
	case "schedule":
		return p.schedule(c.Schedule)
	case "unschedule":
		return p.unschedule()
	case "cron":
		return nextTimes(c.Cron)
	case "fleetServe":
		return nil, p.fleetServe(c.Fleet)
	case "fleetProduce":
		return nil, p.fleetProduce(c.Fleet)
	case "optionTexts":
		return optionTexts()
	}
	return nil, fmt.Errorf("unknown call %q", c.Do)
}

// reply executes one call and writes its answer. A panic of the library is answered as an error.
func (p *peer) reply(c call) {
	defer func() {
		if reason := recover(); reason != nil {
			say(map[string]any{"id": c.ID, "error": fmt.Sprintf("panic: %v", reason)})
		}
	}()
	value, err := p.answer(c)
	if err != nil {
		say(map[string]any{"id": c.ID, "error": err.Error()})
		return
	}
	say(map[string]any{"id": c.ID, "ok": value})
}

// redisAt returns the options for one server, or for a cluster with these nodes.
func redisAt(address string) asynq.RedisConnOpt {
	if nodes := strings.Split(address, ","); len(nodes) > 1 {
		return asynq.RedisClusterClientOpt{Addrs: nodes}
	}
	return asynq.RedisClientOpt{Addr: address}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: peer host:port[,host:port…]")
		os.Exit(2)
	}
	redis := redisAt(os.Args[1])
	p := &peer{redis: redis, client: asynq.NewClient(redis), inspector: asynq.NewInspector(redis)}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, "not a call:", err)
			os.Exit(2)
		}
		go p.reply(c)
	}
}
