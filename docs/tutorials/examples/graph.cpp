#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <filch/filch.hpp>

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct image {
  int width = 0, height = 0;
  std::vector<unsigned char> pixels;
  int at(int x, int y) const {
    x = std::clamp(x, 0, width - 1);
    y = std::clamp(y, 0, height - 1);
    return pixels[static_cast<std::size_t>(y * width + x)];
  }
};

template <class F>
image draw(int width, int height, F pixel) {
  image out{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      out.pixels.push_back(static_cast<unsigned char>(std::clamp(pixel(x, y), 0, 255)));
    }
  }
  return out;
}

// [functions]
image load(const fs::path& path);
image blur(const image& from);
image sobel(const image& from);
image merge(image soft, const image& edges);  // takes the first one: it draws into it
void save(const fs::path& path, const image& what);
// [end]

image load(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string kind;
  image out;
  int most = 0;
  if (!(in >> kind >> out.width >> out.height >> most)) {
    throw std::runtime_error("cannot read " + path.filename().string());
  }
  in.get();
  out.pixels.resize(static_cast<std::size_t>(out.width * out.height));
  in.read(reinterpret_cast<char*>(out.pixels.data()), out.width * out.height);
  return out;
}
image blur(const image& from) {
  return draw(from.width, from.height, [&](int x, int y) {
    int sum = 0;
    for (int i = -1; i <= 1; ++i) {
      for (int j = -1; j <= 1; ++j) sum += from.at(x + i, y + j);
    }
    return sum / 9;
  });
}
image sobel(const image& from) {
  return draw(from.width, from.height, [&](int x, int y) {
    const int h = from.at(x + 1, y) - from.at(x - 1, y), v = from.at(x, y + 1) - from.at(x, y - 1);
    return std::abs(h) + std::abs(v);
  });
}
image merge(image soft, const image& edges) {
  for (std::size_t i = 0; i < soft.pixels.size(); ++i) {
    soft.pixels[i] = std::max(soft.pixels[i], edges.pixels[i]);
  }
  return soft;
}
void save(const fs::path& path, const image& what) {
  std::ofstream out(path, std::ios::binary);
  out << "P5 " << what.width << ' ' << what.height << " 255\n";
  out.write(reinterpret_cast<const char*>(what.pixels.data()), what.width * what.height);
}

int main() {
  const auto folder =
      fs::temp_directory_path() / ("filch_images_" + std::to_string(std::random_device{}()));
  fs::create_directory(folder);
  const auto in = folder / "disc.pgm", out = folder / "outlined.pgm";
  save(in, draw(64, 48, [](int x, int y) { return std::hypot(x - 32, y - 24) < 16 ? 200 : 40; }));
  filch::pool pool;

  // [graph]
  filch::graph g;
  auto picture = g.add([&] { return load(in); }).name("load");  // node<image>
  auto soft = g.add(blur, picture).name("blur");                // gets the image
  auto edges = g.add(sobel, picture).name("sobel");
  auto result = g.add(merge, soft, edges).name("merge");
  auto written = g.add([&](const image& i) { save(out, i); }, result).name("save");
  // [end]

  // [run]
  auto run = pool.run(g);
  const image& drawn = run.get(result);
  std::cout << drawn.width << " x " << drawn.height << ", " << run.progress().done << " nodes\n";
  // [end]
  std::cout << fs::file_size(out) << " bytes\n";

  // [moved]
  try {
    run.get(soft);
  } catch (const filch::result_moved&) {
    std::cout << "merge has it\n";
  }
  // [end]

  // [see]
  auto traced = pool.with({.trace = true}).run(g);
  std::ofstream drawing(folder / "graph.dot");
  traced.dot(drawing);
  traced.trace((folder / "trace.json").string());
  std::string report = traced.timing().describe();
  // [end]
  std::cout << (report.find("cannot be faster than") != std::string::npos) << '\n';

  // [retry]
  picture.retry(3, 50ms).lane(filch::lane::io);
  // [end]

  // [errors]
  fs::remove(in);
  picture.retry(0);
  auto failed = pool.run(g);
  try {
    failed.get();
  } catch (const std::runtime_error& e) {
    bool skipped = failed.state(written) == filch::node_state::skipped;
    std::cout << e.what() << (skipped ? ", nothing written\n" : "\n");
  }
  // [end]

  // [branch]
  filch::graph newton;
  double x = 1;
  auto step = newton.add([&x] { return x = (x + 2 / x) / 2; });
  auto again = newton.branch([](double y) { return std::abs(y * y - 2) > 1e-9; }, step);
  auto done = newton.add([](double root) { return root; }, step);
  again.to(step, done);  // true: once more; false: on
  double root = pool.run(newton).get(done);
  // [end]
  std::cout << root << '\n';

  // [subgraph]
  filch::graph tiles;
  auto names = tiles.add([] { return std::vector<std::string>{"a", "b", "c"}; });
  std::vector<std::size_t> sizes(3);
  auto all = tiles.add(
      [&](filch::subgraph& s, const std::vector<std::string>& list) {
        for (std::size_t i = 0; i < list.size(); ++i) {
          s.add([&sizes, &list, i] { sizes[i] = list[i].size(); });
        }
      },
      names);
  auto sum = tiles.add([&] { return sizes[0] + sizes[1] + sizes[2]; }).succeed(all);
  // [end]
  std::cout << pool.run(tiles).get(sum) << '\n';
  fs::remove_all(folder);
}

// [output]
// 64 x 48, 5 nodes
// 3085 bytes
// merge has it
// 1
// cannot read disc.pgm, nothing written
// 1.41421
// 3
// [end]
