#!/bin/sh
# Runs the packed bench; ./run.sh --help lists its options. Works from any folder and with an empty environment.
here=$(cd "$(dirname "$0")" && pwd)

# The packed Vulkan loader, if the system has none.
if ! /sbin/ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1'; then
  LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
fi
# NVIDIA's driver, if a container has mounted it but the loader does not know of it.
if [ -z "$VK_DRIVER_FILES$VK_ICD_FILENAMES" ] && ! ls /etc/vulkan/icd.d/*.json /usr/share/vulkan/icd.d/*.json >/dev/null 2>&1; then
  if ls /usr/local/nvidia/share/vulkan/icd.d/*.json >/dev/null 2>&1; then
    VK_DRIVER_FILES=$(ls /usr/local/nvidia/share/vulkan/icd.d/*.json | head -1)
    export VK_DRIVER_FILES
  elif /sbin/ldconfig -p 2>/dev/null | grep -q 'libGLX_nvidia\.so\.0'; then
    VK_DRIVER_FILES="$here/lib/nvidia_icd.json"
    export VK_DRIVER_FILES
  fi
fi
driver=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1)
exec "$here/node" "$here/bench.mjs" --checkpoint "$here/model" ${driver:+--driver "$driver"} "$@"
