// What Go's runtime asks of an operating system: threads made and woken, memory in large reserved
// stretches, signals for faults and to preempt, timers, pipes that are polled, files. The first
// argument says which part runs; for most of them the second is a folder to write to.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

func channels() {
	jobs, results := make(chan int), make(chan int, 8)
	var workers sync.WaitGroup
	for w := 0; w < 4; w++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for job := range jobs {
				results <- job * job
			}
		}()
	}
	go func() {
		for i := 1; i <= 300; i++ {
			jobs <- i
		}
		close(jobs)
		workers.Wait()
		close(results)
	}()
	sum := 0
	for result := range results {
		sum += result
	}
	var lock sync.Mutex
	var once sync.Once
	var all sync.WaitGroup
	counts := map[int]int{}
	for i := 0; i < 50; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			once.Do(func() { fmt.Println("once") })
			lock.Lock()
			counts[i%7]++
			lock.Unlock()
		}(i)
	}
	all.Wait()
	fmt.Println(sum, counts)
}

type item struct {
	Name  string            `json:"name"`
	Size  float64           `json:"size"`
	Tags  []string          `json:"tags,omitempty"`
	Extra map[string]string `json:"extra"`
}

func data() {
	counts := map[string]int{}
	for _, word := range strings.Fields("the quick brown fox jumps over the lazy dog the end") {
		counts[word]++
	}
	words := make([]string, 0, len(counts))
	for word := range counts {
		words = append(words, word)
	}
	sort.Strings(words)
	for _, word := range words {
		fmt.Printf("%-6s %d\n", word, counts[word])
	}
	items := []item{
		{"a", 1.5, []string{"x", "y"}, map[string]string{"k": "v"}},
		{"b", math.Pi, nil, nil},
	}
	text, err := json.MarshalIndent(items, "", " ")
	fmt.Println(string(text), err)
	var back []item
	fmt.Println(json.Unmarshal(text, &back), back)
	fmt.Println(json.Unmarshal([]byte("{bad"), &back))
	fmt.Println(math.Sqrt(2), math.Inf(1), math.NaN(), 1e100, float32(0.1))
}

func caught(what func()) {
	defer func() { fmt.Println("recovered:", recover()) }()
	what()
}

func panics() {
	var none []int
	var nothing *item
	zero := len(none)
	caught(func() { fmt.Println(none[zero+5]) })
	caught(func() { fmt.Println(nothing.Size) })
	caught(func() { fmt.Println(1 / zero) })
	caught(func() { panic(errors.New("of its own")) })
	var missing map[string]int
	missing["nobody catches this"] = 1
}

type node struct {
	left, right *node
	data        [4]int
}

func build(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{build(depth - 1), build(depth - 1), [4]int{depth}}
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return 1 + n.left.count() + n.right.count()
}

func garbage() {
	keep, total := build(12), 0
	for i := 0; i < 10; i++ {
		total += build(11).count()
	}
	var kept [][]byte
	for i := 0; i < 100; i++ {
		kept = append(kept, make([]byte, 64<<10))
		if len(kept) > 20 {
			kept = kept[10:]
		}
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println(keep.count(), total, len(kept), stats.NumGC > 0)
}

func timers() {
	began := time.Now()
	time.Sleep(5 * time.Millisecond)
	ticker := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 3; i++ {
		<-ticker.C
		fmt.Println("tick", i)
	}
	ticker.Stop()
	select {
	case <-time.After(10 * time.Millisecond):
		fmt.Println("after", time.Since(began) > 20*time.Millisecond)
	}
	// Gives nothing away by itself: only a signal lets the others run on one processor.
	stop, stopped := false, make(chan bool)
	runtime.GOMAXPROCS(1)
	go func() {
		for i := 0; i >= 0 && !stop; i++ {
		}
		stopped <- true
	}()
	time.Sleep(time.Millisecond)
	fmt.Println("preempted")
	os.Exit(0)
}

func files(folder string) {
	path := filepath.Join(folder, "a.txt")
	fmt.Println(os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o644))
	file, err := os.Open(path)
	fmt.Println(err)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fmt.Println(">", lines.Text())
	}
	file.Close()
	stat, err := os.Stat(path)
	fmt.Println(stat.Size(), stat.Mode(), err)
	_, err = os.ReadFile("/nowhere/x")
	fmt.Println(errors.Is(err, fs.ErrNotExist), os.MkdirAll(filepath.Join(folder, "d/e"), 0o755))
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		fmt.Println(entry.Name(), entry.IsDir())
	}
	fmt.Println(os.Rename(path, filepath.Join(folder, "d/b.txt")))
	fmt.Println(os.RemoveAll(filepath.Join(folder, "d")))
}

func signals() {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1, os.Interrupt)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-caught)
	reader, writer, _ := os.Pipe()
	go func() {
		fmt.Fprintln(writer, "through a pipe")
		writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		fmt.Println(lines.Text())
	}
	bytes := 0
	for lines = bufio.NewScanner(os.Stdin); lines.Scan(); {
		bytes += len(lines.Text())
	}
	fmt.Println("stdin", bytes)
	os.Exit(7)
}

// Only arithmetic in functions of its own: what it does is the same whoever runs it.
func compute() int {
	sum := 0
	for n := 1; n < 400; n++ {
		sum += collatz(n) % 7
	}
	return sum + ackermann(2, 9)
}

//go:noinline
func collatz(n int) int {
	steps := 0
	for ; n != 1; steps++ {
		if n%2 == 0 {
			n /= 2
		} else {
			n = 3*n + 1
		}
	}
	return steps
}

//go:noinline
func ackermann(m, n int) int {
	if m == 0 {
		return n + 1
	}
	if n == 0 {
		return ackermann(m-1, 1)
	}
	return ackermann(m-1, ackermann(m, n-1))
}

func main() {
	switch os.Args[1] {
	case "most":
		channels()
		data()
		garbage()
		files(os.Args[2])
		signals()
	case "panics":
		panics()
	case "timers":
		timers()
	case "deadlock":
		<-make(chan int)
	case "compute":
		fmt.Println(compute())
	}
}
