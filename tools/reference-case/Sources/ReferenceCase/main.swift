import Foundation
import ModelCore
import Unlearning

/// Unlike `print`, at once, also into a file.
func show(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }

func option(_ name: String, _ fallback: String) -> String {
  let arguments = CommandLine.arguments
  guard let index = arguments.firstIndex(of: "--\(name)"), index + 1 < arguments.count else {
    return fallback
  }
  return arguments[index + 1]
}

func list(_ name: String, _ fallback: String) -> [String] {
  option(name, fallback).split(separator: ",").map(String.init)
}

let everyMethod =
  ["match", "match-deep", "match-no-retain", "match-patch", "match-patch-only"]
  + UnlearningMethods.all.map(\.name).filter { $0 != "match" && $0 != "retrain" }
let isSmall = CommandLine.arguments.contains("--small")
let first = Int(option("first-seed", "0")) ?? 0
let seeds = first..<(first + (Int(option("seeds", "3")) ?? 3))
let methods = list("methods", "all").flatMap { $0 == "all" ? everyMethod : [$0] }
let cache = option("cache", ".reference-cache")
let minutes = Double(option("minutes", "60")) ?? 60
let deadline = Date(timeIntervalSinceNow: 60 * minutes)

do {
  try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
  var rows: [Row] = []
  var isCut = false
  // Small cases first: what a deadline cuts off is the dearest.
  for network in list("networks", "mlp,cnn,cnn-bn") {
    let problem = try Case(
      folder: option("data", "/usr/share/datasets/fashion-mnist"), network: network,
      isSmall: isSmall, threads: Int(option("threads", "1")) ?? 1, cache: cache)
    var study = Study(
      problem, cache: cache, deadline: deadline, maxCost: Double(option("max-cost", "")),
      shadowCount: Int(option("shadows", "0")) ?? 0,
      verbose: CommandLine.arguments.contains("--verbose"))
    for scenario in try list("scenarios", "100,1000,class,backdoor-100,relabel-100")
      .map(Scenario.init)
    {
      try study.run(scenario, methods: methods, seeds: seeds)
    }
    rows += study.rows
    isCut = isCut || study.isCut
  }
  show("\n" + Table(rows).markdown)
  if isCut { show("Cut off after \(minutes) minutes; the same command goes on from here.") }
  if let path = CommandLine.arguments.contains("--out") ? option("out", "") : nil {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try Table(rows).markdown.write(toFile: path + ".md", atomically: true, encoding: .utf8)
    try encoder.encode(rows).write(to: URL(fileURLWithPath: path + ".json"), options: .atomic)
  }
} catch {
  show("\(error)")
  exit(1)
}
