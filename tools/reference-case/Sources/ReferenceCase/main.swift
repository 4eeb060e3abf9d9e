import Engine
import Evidence
import Foundation
import ModelCore
import Unlearning

func option(_ name: String, _ fallback: String) -> String {
  let arguments = CommandLine.arguments
  guard let index = arguments.firstIndex(of: "--\(name)"), index + 1 < arguments.count else {
    return fallback
  }
  return arguments[index + 1]
}

let first = Int(option("first-seed", "0")) ?? 0
let seeds = first..<(first + (Int(option("seeds", "5")) ?? 5))
let what = option("forget", "100")
let methods = option("methods", "match").split(separator: ",").map(String.init)
let maxCost = Double(option("max-cost", ""))
let problem = try Case(
  folder: option("data", "/usr/share/datasets/fashion-mnist"), network: option("network", "mlp"),
  threads: Int(option("threads", "1")) ?? 1,
  cache: CommandLine.arguments.contains("--cache") ? option("cache", ".") : nil)

var table = Table()

for seed in seeds {
  let original = try problem.trained(without: [], seed: UInt64(seed), name: "original-\(seed)")
  let forget = try problem.forgetRows(what, seed: seed, original: original)
  let name = "retrained-\(what)-\(seed)"
  let retrained = try problem.trained(without: forget, seed: UInt64(100 + seed), name: name)
  let second = try problem.trained(
    without: forget, seed: UInt64(500 + seed), name: "second-\(what)-\(seed)")
  let gold = try problem.profile(retrained, forget: forget)
  table.add("retrained", seed, gold, gold, cost: 1)
  table.add("retrained again", seed, try problem.profile(second, forget: forget), gold, cost: 1)
  table.add("original", seed, try problem.profile(original, forget: forget), gold, cost: 0)
  for method in methods {
    let network = try problem.network(original)
    let request = UnlearningRequest(
      what == "class" ? .classes([3 * seed % 10]) : .samples(forget),
      recipe: problem.recipe(seed: UInt64(seed)), maxCost: maxCost, retries: false,
      seed: UInt64(seed))
    let start = ContinuousClock.now
    let outcome = try Unlearner(
      network, data: problem.data, request: request, method: try UnlearningMethods.named(method)
    ).run()
    let time = ContinuousClock.now - start
    let profile = try problem.profile(outcome.parameters, forget: forget)
    table.add(method, seed, profile, gold, cost: outcome.report.cost.share)
    print(
      "    \(outcome.report.verdict.outcome.rawValue)  \(time)  \(outcome.report.method.findings)")
    if CommandLine.arguments.contains("--verbose") { print(outcome.report) }
  }
}
table.printMeans()
