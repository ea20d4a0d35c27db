package main

// servers lists the servers that the inspector finds, with their running tasks.
func (p *peer) servers() (any, error) {
	servers, err := p.inspector.Servers()
	all := make([]map[string]any, len(servers))
	for n, server := range servers {
		workers := make([]map[string]any, len(server.ActiveWorkers))
		for m, worker := range server.ActiveWorkers {
			workers[m] = map[string]any{
				"task": worker.TaskID, "type": worker.TaskType, "payload": worker.TaskPayload, "queue": worker.Queue,
				"startedMs": ms(worker.Started), "deadlineMs": ms(worker.Deadline),
			}
		}
		all[n] = map[string]any{
			"id": server.ID, "host": server.Host, "pid": server.PID, "concurrency": server.Concurrency,
			"queues": server.Queues, "strict": server.StrictPriority, "status": server.Status,
			"startedMs": ms(server.Started), "workers": workers,
		}
	}
	return all, err
}
