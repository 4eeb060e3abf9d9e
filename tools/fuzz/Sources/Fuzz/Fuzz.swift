import Foundation

/// The reader that is fuzzed: the fuzzer itself takes no arguments of ours.
private let target = Target(
  rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "json")

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  do {
    try target?.read(Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    // A refusal has to be able to say what it refuses.
    _ = "\(error)"
  }
  return 0
}

private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<Arguments>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// The package manager calls a program's entry by the name of its target.
@_cdecl("Fuzz_main")
public func fuzzMain(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  guard target != nil else {
    print("FUZZ_TARGET is one of " + Target.allCases.map(\.rawValue).joined(separator: ", "))
    return 64
  }
  var (count, arguments) = (count, arguments)
  return runFuzzer(&count, &arguments) { fuzzOne($0, $1) }
}
