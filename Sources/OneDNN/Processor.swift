internal import CKernels
internal import COneDNN

/// The CPU, and the order in which its work is done: a `dnnl_engine_t` and a `dnnl_stream_t`.
public final class Processor {
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t

  /// Corresponds to `dnnl_engine_create` and `dnnl_stream_create`.
  public init() throws(OneDNNError) {
    var engine: dnnl_engine_t?
    try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "making an engine")
    let made = try OneDNN.made(engine, "making an engine")
    var stream: dnnl_stream_t?
    let flags = UInt32(dnnl_stream_default_flags.rawValue)
    let status = dnnl_stream_create(&stream, made, flags)
    guard status == dnnl_success, let stream else {
      dnnl_engine_destroy(made)
      throw .failed(operation: "making a stream", code: Int(status.rawValue))
    }
    self.engine = made
    self.stream = stream
  }

  deinit {
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(engine)
  }

  /// Whether 16 floats fit a register; Winograd exists only there.
  public static var hasAVX512: Bool {
    dnnl_get_effective_cpu_isa().rawValue & dnnl_cpu_isa_avx512_core.rawValue
      == dnnl_cpu_isa_avx512_core.rawValue
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

  /// Sets the team size of the calling thread, which primitives keep from when they are made.
  public static func setThreads(_ count: Int) {
    ck_set_team(Int32(clamping: max(1, count)))
  }
}
