// Bench measures what the log costs beside other ways to keep one. It is a module of its own, so that what it compares
// with is nobody's dependency.
package main

import (
	"fmt"
	"os"
)

func main() {
	s, err := meanSizes()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Printf("workload: payload %.0f B, frame %.0f B, mean of an order's %d facts\n", s.payload, s.frame, eventsPerOrder)
}
