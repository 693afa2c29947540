// What C++ programs ask of their library: streams, exceptions that streams throw, threads with all that
// waits for another, objects of a thread that end with it, regular expressions.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <numeric>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

struct Local {
  ~Local() { destroyed++; }
  int value = 0;
  static std::atomic<int> destroyed;
};
std::atomic<int> Local::destroyed{0};
thread_local Local local;

static void streams() {
  std::cout << std::setw(8) << 42 << std::hex << std::showbase << 255 << std::dec << ' '
            << std::setprecision(12) << 1.0 / 3 << ' ' << std::boolalpha << true << '\n';
  std::istringstream in("1 2 three");
  in.exceptions(std::ios::failbit);
  int sum = 0;
  try {
    for (int n; in >> n;) sum += n;
  } catch (const std::ios_base::failure &failure) {
    std::cout << "failure after " << sum << '\n';
  }
  std::ifstream missing("/nowhere/x");
  std::cout << "missing " << missing.good() << '\n';
  std::string line;
  size_t bytes = 0, lines = 0;
  while (std::getline(std::cin, line)) bytes += line.size(), lines++;
  std::cout << lines << " lines, " << bytes << " bytes\n";
}

static void together() {
  std::mutex lock;
  std::condition_variable changed;
  int turn = 0;
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; id++) {
    threads.emplace_back([&, id] {
      local.value = id;
      for (int round = 0; round < 3; round++) {
        std::unique_lock<std::mutex> held(lock);
        changed.wait(held, [&] { return turn % 4 == id; });
        std::cout << 'r' << round << 't' << local.value << ' ';
        turn++;
        changed.notify_all();
      }
    });
  }
  for (auto &thread : threads) thread.join();
  std::cout << "\ndestroyed " << Local::destroyed << '\n';
  auto answer = std::async(std::launch::async, [] {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::vector<int> v(1000);
    std::iota(v.begin(), v.end(), 0);
    return std::accumulate(v.begin(), v.end(), 0);
  });
  std::cout << "async " << answer.get() << '\n';
  auto thrown = std::async(std::launch::async, []() -> int { throw std::runtime_error("in a thread"); });
  try {
    thrown.get();
  } catch (const std::exception &e) {
    std::cout << e.what() << '\n';
  }
}

int main(int argc, char **) {
  streams();
  together();
  std::regex word("(\\w+)@(\\w+)");
  std::smatch found;
  std::string text = "mail to me@home today";
  if (std::regex_search(text, found, word)) std::cout << found[1] << " at " << found[2] << std::endl;
  if (argc > 1) throw std::out_of_range("nobody catches this");
  return 3;
}
