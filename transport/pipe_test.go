package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Bytes cross a pipe in order, both ways at once, whatever the sizes of writes and reads.
func TestPipeCarriesBytes(t *testing.T) {
	a, b := newPipe(1000, SystemClock())
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	var wait sync.WaitGroup
	for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
		wait.Go(func() {
			for p, n := data, 1; len(p) > 0; n = n*3%1777 + 1 {
				n := min(n, len(p))
				if m, err := ends[0].Write(p[:n]); m != n || err != nil {
					t.Errorf("Write: %d, %v", m, err)
				}
				p = p[n:]
			}
			ends[0].(*pipeEnd).CloseWrite()
		})
		wait.Go(func() {
			got, err := io.ReadAll(ends[1])
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("ReadAll: %d bytes, %v", len(got), err)
			}
		})
	}
	wait.Wait()
}

// A pipe holds its limit; a write beyond it waits for a read.
func TestPipeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe(10, SystemClock())
		written := 0
		go func() {
			written, _ = a.Write(make([]byte, 11))
		}()
		synctest.Wait()
		if written != 0 {
			t.Fatal("11 bytes went into a pipe of 10")
		}
		if n, err := b.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("Read: %d, %v", n, err)
		}
		synctest.Wait()
		if written != 11 {
			t.Fatalf("%d bytes written after a read of 1", written)
		}
	})
}

// Deadlines end waiting reads and writes, hold for later ones, and can be taken back.
func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe(4, SystemClock())
		start := time.Now()
		a.SetDeadline(start.Add(time.Second))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Fatalf("Read: %v after %v", err, time.Since(start))
		}
		if n, err := a.Write(make([]byte, 9)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write past its deadline: %d, %v", n, err)
		}
		var ne net.Error
		if _, err := a.Read(make([]byte, 1)); !errors.As(err, &ne) || !ne.Timeout() {
			t.Fatalf("no timeout: %v", err)
		}
		a.SetDeadline(time.Time{})
		a.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := a.Write(make([]byte, 9)); n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write: %d, %v", n, err)
		}
		b.Write([]byte("x"))
		if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("Read without a deadline: %d, %v", n, err)
		}
		a.Close()
		b.Close()
	})
}

// A deadline set while a read waits ends it, as the reader's interrupts need it.
func TestPipeDeadlineInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newPipe(4, SystemClock())
		result := make(chan error, 1)
		go func() {
			_, err := a.Read(make([]byte, 1))
			result <- err
		}()
		synctest.Wait()
		a.SetReadDeadline(longAgo)
		if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

// After Close the own end fails, the other reads what was written and then EOF, and cannot write.
func TestPipeClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe(0, SystemClock())
		a.Write([]byte("last words"))
		blocked := make(chan error, 2)
		go func() {
			_, err := a.Read(make([]byte, 1))
			blocked <- err
		}()
		synctest.Wait()
		a.Close()
		a.Close()
		if err := <-blocked; !errors.Is(err, net.ErrClosed) {
			t.Errorf("waiting Read: %v", err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write on the closed end: %v", err)
		}
		if got, err := io.ReadAll(b); string(got) != "last words" || err != nil {
			t.Errorf("the other end read %q, %v", got, err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write to a closed end: %v", err)
		}
	})
}

// A pipe that was emptied holds no buffer.
func TestPipeGivesBuffersBack(t *testing.T) {
	a, b := newPipe(0, SystemClock())
	for _, n := range []int{1, smallReadBytes, smallReadBytes + 1, DefaultPipeBytes} {
		for written := 0; written < n; written += n/2 + 1 {
			a.Write(make([]byte, min(n/2+1, n-written)))
		}
		if _, err := io.ReadFull(b, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if b.in.data != nil || b.in.large != nil {
			t.Errorf("%d bytes: a buffer is held", n)
		}
	}
}

// The names of the ends match.
func TestPipeAddresses(t *testing.T) {
	client, server := Pipe(PipeOptions{})
	defer client.Close()
	defer server.Abort()
	if got := server.Info(); got.Kind != InMemory || got.Remote.String() != client.LocalAddr().String() ||
		server.Local().String() != client.RemoteAddr().String() || got.Listener != "pipe" {
		t.Errorf("%+v", got)
	}
}
