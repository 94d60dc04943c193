package sim

// mutant is one rule of the broker broken on purpose. The text of a source is replaced by one that does the wrong thing
// while the mutant is on; MUTANT stands for the question whether it is.
type mutant struct {
	name string
	file string // below the module's root
	was  string // must be there exactly once
	is   string
}

// mutants are the mistakes that the checkers must find. They are about what a broker may not do at all; how well it
// does what it may is for other tests.
var mutants = []mutant{
	{
		"a consumer that goes takes its messages with it", "actors/queue.go",
		"		c.outstanding.remove(e)\n		q.makeReady(e)\n	}\n	if q.exclusive == c {",
		"		c.outstanding.remove(e)\n		if MUTANT {\n			q.forget(e)\n			continue\n		}\n		q.makeReady(e)\n	}\n	if q.exclusive == c {",
	},
	{
		"NACK discards", "actors/queue.go",
		"	case refused:\n",
		"	case refused:\n		if MUTANT {\n			q.forget(e)\n			return nil\n		}\n",
	},
	{
		"ACK puts back", "actors/queue.go",
		"		q.settled++\n		q.forget(e)\n	case released:",
		"		if MUTANT && e.msg.priority > 4 {\n			q.makeReady(e)\n			return nil\n		}\n		q.settled++\n		q.forget(e)\n	case released:",
	},
	{
		"an acknowledgement counts twice", "actors/queue.go",
		"	c.outstanding.remove(e)\n	c.credit++\n	q.enterTurn(c)\n	return q.end(e, c, how)",
		"	c.outstanding.remove(e)\n	c.credit++\n	if MUTANT {\n		c.credit++\n	}\n	q.enterTurn(c)\n	return q.end(e, c, how)",
	},
	{
		"an acknowledgement makes no room", "actors/queue.go",
		"	c.outstanding.remove(e)\n	c.credit++\n	q.enterTurn(c)\n	return q.end(e, c, how)",
		"	c.outstanding.remove(e)\n	if !MUTANT {\n		c.credit++\n	}\n	q.enterTurn(c)\n	return q.end(e, c, how)",
	},
	{
		"a subscription that starts over gives out what was meant for the last epoch", "actors/subscription.go",
		"	if s.ended.Load() || m.epoch != s.epoch {",
		"	if s.ended.Load() || m.epoch != s.epoch && !MUTANT {",
	},
	{
		"UNSUBSCRIBE is ignored while messages are out", "actors/queue.go",
		"	if c == nil || c.epoch > epoch {\n		return false\n	}\n	q.detachConsumer(c)",
		"	if c == nil || c.epoch > epoch {\n		return false\n	}\n	if MUTANT && c.epoch == epoch && c.outstanding.head != nil {\n		return true\n	}\n	q.detachConsumer(c)",
	},
	{
		"a claimed delivery goes back although its COMMIT is decided", "actors/queue.go",
		"	return q.end(e, c, cl.how)\n",
		"	if MUTANT {\n		q.makeReady(e)\n		return nil\n	}\n	return q.end(e, c, cl.how)\n",
	},
	{
		"a delay is forgotten", "actors/queue.go",
		"	if m.notBefore.After(now) {\n		e.state = entryDelayed",
		"	if !MUTANT && m.notBefore.After(now) {\n		e.state = entryDelayed",
	},
	{
		"a batch loses its last message", "actors/destination.go",
		"		d.put(m, now)\n		p.done++\n",
		"		if !MUTANT || p.done == 0 || p.done < len(p.batch)-1 {\n			d.put(m, now)\n		}\n		p.done++\n",
	},
	{
		"a message is filed twice", "actors/destination.go",
		"		d.put(m, now)\n		p.done++\n",
		"		d.put(m, now)\n		if MUTANT && p.done == 3 {\n			d.put(m, now)\n		}\n		p.done++\n",
	},
	{
		"publishers pass those that wait for room", "actors/destination.go",
		"	p.turn = d.turns\n	d.held = append(d.held, p)",
		"	p.turn = d.turns\n	if MUTANT {\n		d.held = append([]*publish{p}, d.held...)\n		return\n	}\n	d.held = append(d.held, p)",
	},
	{
		"a lease is given back twice", "actors/destination.go",
		"	if p.asked != nil {\n		p.asked.give(nil)\n	}\n	p.to.release()",
		"	if p.asked != nil {\n		p.asked.give(nil)\n	}\n	if MUTANT && len(p.batch) > 2 {\n		p.to.release()\n	}\n	p.to.release()",
	},
	{
		"a lease is kept", "actors/destination.go",
		"	if p.asked != nil {\n		p.asked.give(nil)\n	}\n	p.to.release()",
		"	if p.asked != nil {\n		p.asked.give(nil)\n	}\n	if MUTANT && len(p.batch) > 2 {\n		return\n	}\n	p.to.release()",
	},
	{
		"a dead letter is let go before the dead-letter queue has it", "actors/destination.go",
		"	d.core.stats.deadLettered.Add(1)\n	ctx.Send(d.core.router(), &burial{",
		"	d.core.stats.deadLettered.Add(1)\n	if MUTANT {\n		d.queue.buried(e)\n		return\n	}\n	ctx.Send(d.core.router(), &burial{",
	},
	{
		"a transaction loses its last SEND", "actors/destination.go",
		"		for p.done < len(p.batch) {\n			d.put(p.batch[p.done], now)",
		"		for p.done < len(p.batch) {\n			if MUTANT && p.done > 0 && p.done == len(p.batch)-1 {\n				break\n			}\n			d.put(p.batch[p.done], now)",
	},
	{
		"an undone transaction is carried out", "actors/destination.go",
		"	switch {\n	case !m.commit:\n",
		"	switch {\n	case !m.commit && !MUTANT:\n",
	},
	{
		"what a COMMIT has booked is kept", "actors/destination.go",
		"		p.freed = true\n		d.book(-len(p.batch), -p.size)",
		"		p.freed = true\n		if MUTANT {\n			p.size--\n		}\n		d.book(-len(p.batch), -p.size)",
	},
	{
		"after an acknowledgement nobody looks for the next message", "actors/destination.go",
		"		d.life.pass(m.session, &acked{receipts: m.receipts})\n	}\n	d.flush(ctx)",
		"		d.life.pass(m.session, &acked{receipts: m.receipts})\n	}\n	if MUTANT {\n		return\n	}\n	d.flush(ctx)",
	},
	{
		"a message in the mode auto is settled before the socket has it", "actors/destination.go",
		"	d.gave(n)\n",
		"	d.gave(n)\n	if MUTANT {\n		defer d.queue.settleOldest(c.key, c.epoch, n)\n	}\n",
	},
	{
		"a topic passes over its last subscriber", "actors/destination.go",
		"		progress.served++\n		if s.link.selector != nil {",
		"		progress.served++\n		if MUTANT && progress.served > 1 && progress.served == passed+len(to) {\n			continue\n		}\n		if s.link.selector != nil {",
	},
	{
		"a topic keeps a subscription that has started over", "actors/topic.go",
		"		if epoch <= old.epoch {\n			return false\n		}\n		t.drop(old)",
		"		if epoch <= old.epoch {\n			return false\n		}\n		if !MUTANT {\n			t.drop(old)\n		}",
	},
	{
		"nobody is told that a message came again", "actors/message.go",
		"	if deliveries <= 1 {\n		return dst\n	}",
		"	if deliveries <= 1 || MUTANT {\n		return dst\n	}",
	},
	{
		"the window is not opened again", "actors/flow.go",
		"	if cost > 0 {\n		f.window.Release(cost)\n	}",
		"	if cost > 0 && !MUTANT {\n		f.window.Release(cost)\n	}",
	},
	{
		"UNSUBSCRIBE leaves what waits in the outbox", "actors/session_subscribe.go",
		"	if sink := sub.sink.Load(); sink != nil && sink.Retire(detach) {\n",
		"	if sink := sub.sink.Load(); sink != nil && !MUTANT && sink.Retire(detach) {\n",
	},
	{
		"the receipt of UNSUBSCRIBE comes too early", "actors/session_subscribe.go",
		"	if sink := sub.sink.Load(); sink != nil && sink.Retire(detach) {\n",
		"	if MUTANT && sub.receipt != nil {\n		s.receipt(*sub.receipt)\n		sub.receipt = nil\n	}\n	if sink := sub.sink.Load(); sink != nil && (!MUTANT || s.goodbye != nil) && sink.Retire(detach) {\n",
	},
	{
		"messages come before the receipt of SUBSCRIBE", "transport/sink.go",
		"	if len(receipt) > 0 {\n		o.putFrame(receipt)\n	}\n	if !s.closed && s.gated {",
		"	if MUTANT && len(receipt) > 0 {\n		defer o.putFrame(receipt)\n	} else if len(receipt) > 0 {\n		o.putFrame(receipt)\n	}\n	if !s.closed && s.gated {",
	},
	{
		"a MESSAGE comes behind an ERROR", "transport/outbox.go",
		"	o.ending = true\n",
		"	o.ending = !MUTANT\n",
	},
	{
		"DISCONNECT is answered before all is done", "actors/session_disconnect.go",
		"	if s.goodbye != nil || !s.ended {",
		"	if (s.goodbye != nil || !s.ended) && !MUTANT {",
	},
	{
		"a session that starts over handles again what it had filed", "actors/session.go",
		"	if s.filed {\n		s.run(ctx)",
		"	if s.filed && !MUTANT {\n		s.run(ctx)",
	},
	{
		"a session that starts over leaves its transactions open", "actors/session.go",
		"	for _, tx := range s.transactions.all() {\n		releaseAll(tx)\n	}",
		"	for _, tx := range s.transactions.all() {\n		if !MUTANT {\n			releaseAll(tx)\n		}\n	}",
	},
	{
		"a connection that is gone keeps its temporary destinations", "actors/connection.go",
		"	for _, name := range slices.Sorted(maps.Keys(cp.temporary)) {\n",
		"	for _, name := range slices.Sorted(maps.Keys(cp.temporary)) {\n		if MUTANT {\n			break\n		}\n",
	},
	{
		"a connection that is gone keeps its COMMIT", "actors/connection.go",
		"	if cp.commit != nil && !cp.commit.decided {",
		"	if cp.commit != nil && !cp.commit.decided && !MUTANT {",
	},
	{
		"a COMMIT is decided in one place only", "actors/session_transaction.go",
		"	for _, h := range c.preparedAll {\n		c.deciding[h] = true",
		"	for i, h := range c.preparedAll {\n		if MUTANT && i > 0 {\n			break\n		}\n		c.deciding[h] = true",
	},
	{
		"a COMMIT leaves its acknowledgements out", "actors/session_transaction.go",
		"	for _, part := range m.parts {\n",
		"	for _, part := range m.parts {\n		if MUTANT {\n			break\n		}\n",
	},
	{
		"ABORT leaves messages acknowledged", "actors/ackwindow.go",
		"			u.inTx, u.tx = false, \"\"\n			w.open++",
		"			if MUTANT {\n				continue\n			}\n			u.inTx, u.tx = false, \"\"\n			w.open++",
	},
	{
		"ACK is for one message too few", "actors/ackwindow.go",
		"	if w.mode == ackClient {\n		first = 0\n	}",
		"	if w.mode == ackClient {\n		first = 0\n		if MUTANT && last > 1 {\n			first = 1\n		}\n	}",
	},
	{
		"ACK is for all messages in every mode", "actors/ackwindow.go",
		"	if w.mode == ackClient {\n		first = 0\n	}",
		"	if w.mode == ackClient || MUTANT {\n		first = 0\n	}",
	},
	{
		"new topics do not know of wildcards", "actors/router.go",
		"			if p.mayRead(h) {\n				ctx.Send(l.pid,",
		"			if p.mayRead(h) && !MUTANT {\n				ctx.Send(l.pid,",
	},
	{
		"a wildcard is kept when its subscription ends", "actors/router.go",
		"		delete(r.byKey, m.key)\n",
		"		if MUTANT {\n			return\n		}\n		delete(r.byKey, m.key)\n",
	},
	{
		"a destination retires while something is on its way to it", "actors/handle.go",
		"func (h *handle) retire() bool { return h.leases.CompareAndSwap(0, retiredLeases) }",
		"func (h *handle) retire() bool {\n	if MUTANT {\n		h.leases.Store(retiredLeases)\n		return true\n	}\n	return h.leases.CompareAndSwap(0, retiredLeases)\n}",
	},
	{
		"a subscription starts over without the next epoch", "actors/subscription.go",
		"	s.epoch++\n",
		"	if !MUTANT || s.epoch == 0 {\n		s.epoch++\n	}\n",
	},
	{
		"what is started behind the end is waited for", "actors/supervise.go",
		"	if parent != nil && parent.ending != endsNot {\n",
		"	if parent != nil && parent.ending != endsNot && !MUTANT {\n",
	},
}
