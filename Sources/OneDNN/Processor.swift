internal import CKernels
internal import COneDNN

/// The CPU, and the order in which its work is done.
public final class Processor {
  let device: Device
  let stream: Stream

  public init() throws(OneDNNError) {
    device = try Device()
    stream = try Stream(on: device)
  }

  var engine: dnnl_engine_t { device.handle }

  /// Whether 16 floats fit a register.
  public static var hasAVX512: Bool { has(dnnl_cpu_isa_avx512_core) }

  /// Whether there are instructions for products of `bfloat16` numbers.
  public static var hasBFloat16: Bool { has(dnnl_cpu_isa_avx512_core_bf16) }

  private static func has(_ set: dnnl_cpu_isa_t) -> Bool {
    dnnl_get_effective_cpu_isa().rawValue & set.rawValue == set.rawValue
  }

  /// The widest instruction set in use, for records of how a result came about.
  public static var instructionSet: String {
    let isa = dnnl_get_effective_cpu_isa().rawValue
    let known: [(dnnl_cpu_isa_t, String)] = [
      (dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"),
      (dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"),
      (dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"),
      (dnnl_cpu_isa_avx512_core, "avx512_core"), (dnnl_cpu_isa_avx2, "avx2"),
      (dnnl_cpu_isa_avx, "avx"), (dnnl_cpu_isa_sse41, "sse41"),
    ]
    return known.first { isa & $0.0.rawValue == $0.0.rawValue }?.1 ?? "generic"
  }

  /// oneDNN's version, as `"2.6.3"`.
  public static var version: String {
    guard let version = dnnl_version()?.pointee else { return "unknown" }
    return "\(version.major).\(version.minor).\(version.patch)"
  }

  /// The cores this process may use.
  public static var coreCount: Int { max(1, Int(ck_processors())) }

  /// The team size of the calling thread.
  public static var threads: Int { Int(ck_team()) }

  /// Sets the team size of the calling thread. Primitives are run by one of its threads each.
  public static func setThreads(_ count: Int) {
    ck_set_team(Int32(clamping: max(1, count)))
  }

  /// Makes primitives that oneDNN shares among the team by itself, for work that cannot be cut up
  /// from outside.
  public static func withSharedPrimitives<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let before = ck_library_team()
    ck_set_library_team(ck_team())
    defer { ck_set_library_team(before) }
    return try body()
  }
}

/// A `dnnl_engine_t`.
final class Device {
  let handle: dnnl_engine_t

  init() throws(OneDNNError) {
    var handle: dnnl_engine_t?
    try check(dnnl_engine_create(&handle, dnnl_cpu, 0), "making an engine")
    self.handle = try made(handle, "making an engine")
  }

  deinit { dnnl_engine_destroy(handle) }
}

/// A `dnnl_stream_t`: the order in which one thread gives out work.
final class Stream {
  let handle: dnnl_stream_t
  private let device: Device

  init(on device: Device) throws(OneDNNError) {
    self.device = device
    var handle: dnnl_stream_t?
    let flags = UInt32(dnnl_stream_default_flags.rawValue)
    try check(dnnl_stream_create(&handle, device.handle, flags), "making a stream")
    self.handle = try made(handle, "making a stream")
  }

  deinit { dnnl_stream_destroy(handle) }
}
